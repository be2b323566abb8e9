import { z } from 'zod'
import { id, instant, seq } from './fields.ts'

/**
 * Declares a durable event: one change of a conversation, in the viewer's own line.
 * Live: apply when `prev <= have < seq`, drop when `seq <= have`, fetch the changes when `prev > have` (one was lost, or is not for this
 * viewer to see). The items of a page of changes and of a resumption are applied in order without looking at `prev`; the page's own
 * `seq` is the position then.
 * @param type its name on the wire
 * @param data what changed, in its present state
 */
export function event<Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z
    .strictObject({
      type: z.literal(type),
      conversationId: id,
      seq,
      prev: seq,
      actorId: id,
      at: instant,
      data,
    })
    .meta({ id: `${type}-event` })
}
