import { type Message, ParleyError, type ParsedInput } from '@parley/protocol'
import type { Context, Services } from '../context.ts'
import type { Errand, Reply } from '../siblings.ts'
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

/** Sends here what other processes of this machine ask for. */
export function serveSiblings(services: Services): void {
  const reply = async ({ actor, input }: Errand): Promise<Reply> => {
    try {
      return await sendHere({ ...services, actor }, input)
    } catch (error) {
      if (!(error instanceof ParleyError)) services.log.error({ error }, 'unexpected error')
      const { code, message, details } = error instanceof ParleyError ? error : new ParleyError('internal')
      return { error: { code, message, details } }
    }
  }
  services.siblings?.onAsk(reply)
}
