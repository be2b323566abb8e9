import { type Message, ParleyError, type ParsedInput } from '@parley/protocol'
import type { Context } from '../context.ts'
import { sendHere } from './send.service.ts'

/**
 * Sends a message or a note, at the process of this machine that writes into the conversation. Answered after the commit (delivery G1); a retry
 * with the same key answers the same message (G2).
 * @throws ParleyError `not_found` outside of the conversation, `forbidden` for a note by an outsider,
 *   `client_key_reused` for other content under a used key, `conversation_archived`
 */
export async function sendMessage(ctx: Context, input: ParsedInput<'sendMessage'>): Promise<{ message: Message }> {
  const asked = ctx.siblings?.ask({ actor: ctx.actor, input })
  const reply = asked && (await asked)
  if (!reply) return sendHere(ctx, input)
  if ('message' in reply) return reply
  const { code, message, details } = reply.error
  throw new ParleyError(code, message, details)
}
