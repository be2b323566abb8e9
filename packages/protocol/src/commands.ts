import { z } from 'zod'
import { durableEvent, presenceState } from './events.ts'
import { id, instant, seq } from './fields.ts'
import { limits } from './limits.ts'
import { audience, sendMessage } from './messages.ts'

const nothing = z.strictObject({})

/**
 * What a client may ask over the socket; each is acknowledged with its output or an error body.
 * `resume` takes the cursors the client holds (at most 500) and answers what it missed: heads of all its conversations, events
 * to apply in order, and in `behind` the conversations whose changes it must fetch. A conversation that is not
 * among the heads is gone; one without a cursor is new. `resync`: the cursors do not fit this database, or are older than its log.
 * `send-message` is the operation `sendMessage` by another way: the same rules, the same answer, the same client keys.
 */
export const commands = {
  resume: {
    input: z.strictObject({
      epoch: z.string().nullable(),
      cursors: z
        .record(id, seq)
        .refine((value) => Object.keys(value).length <= limits.resumeConversations, 'too many cursors'),
    }),
    output: z.strictObject({
      status: z.enum(['ok', 'resync']),
      epoch: z.string(),
      heads: z.record(id, seq),
      events: z.array(durableEvent),
      behind: z.array(id),
      presence: z.array(z.strictObject({ userId: id, state: presenceState, lastSeenAt: instant.nullable() })),
    }),
  },
  'send-message': { input: sendMessage.input, output: sendMessage.output },
  'start-typing': { input: z.strictObject({ conversationId: id, audience }), output: nothing },
  'stop-typing': { input: z.strictObject({ conversationId: id, audience }), output: nothing },
  'set-presence': { input: z.strictObject({ state: z.enum(['online', 'away']) }), output: nothing },
} as const

export type CommandName = keyof typeof commands
export type CommandInput<Name extends CommandName> = z.infer<(typeof commands)[Name]['input']>
export type CommandOutput<Name extends CommandName> = z.infer<(typeof commands)[Name]['output']>
