import { z } from 'zod'
import { id, instant, seq } from './fields.ts'

/**
 * Declares a durable event: one change of a conversation, in the viewer's own line.
 * `prev` is the last position accounted for to this viewer: apply when `prev <= have < seq`, fetch when `prev > have`.
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
