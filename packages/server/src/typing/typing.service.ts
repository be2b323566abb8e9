import { type CommandInput, ParleyError } from '@parley/protocol'
import { lineOf } from '../actor.ts'
import type { Context } from '../context.ts'
import type { Delivery } from '../delivery.ts'

/**
 * Tells the others in a conversation that somebody writes, or has stopped. Typing a note is told to the team only.
 * @throws ParleyError `not_found` outside of the conversation, `forbidden` for a note by an outsider
 */
export function signalTyping(
  ctx: Context,
  delivery: Pick<Delivery, 'positionOf'>,
  type: 'user-typing' | 'user-stopped-typing',
  { conversationId, audience }: CommandInput<'start-typing'>,
): void {
  const { workspaceId, userId } = ctx.actor
  const position = delivery.positionOf(workspaceId, conversationId, userId)
  if (position === null) throw new ParleyError('not_found')
  if (audience === 'team' && lineOf(ctx.actor) === 'public') throw new ParleyError('forbidden')
  const payload = { conversationId, userId, audience }
  ctx.bus.signal({
    workspaceId,
    conversationId,
    userId,
    type,
    team: payload,
    public: audience === 'everyone' ? payload : null,
    position,
  })
}
