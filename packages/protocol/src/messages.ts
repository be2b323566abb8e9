import { z } from 'zod'
import { clientKey, id, instant, pageSize, seq, seqParameter, text } from './fields.ts'
import { operation } from './operation.ts'
import { profile } from './users.ts'

/** Who may see a message: everyone in the conversation, or its team members only (a note). */
export const audience = z.enum(['everyone', 'team'])
export type Audience = z.infer<typeof audience>

/** What a system message tells; the client puts it into words. */
export const systemEvent = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('participant-added'), userId: id }),
    z.strictObject({ type: z.literal('participant-removed'), userId: id }),
    z.strictObject({ type: z.literal('participant-left'), userId: id }),
    z.strictObject({ type: z.literal('subject-changed'), subject: z.string().nullable() }),
    z.strictObject({ type: z.literal('status-changed'), status: z.enum(['open', 'waiting', 'closed', 'archived']) }),
  ])
  .meta({ id: 'SystemEvent' })
export type SystemEvent = z.infer<typeof systemEvent>

/** The beginning of a message that another one cites; empty when the cited one was deleted. */
export const quote = z
  .strictObject({ messageId: id, seq, senderId: id, audience, text: z.string(), deleted: z.boolean() })
  .meta({ id: 'Quote' })
export type Quote = z.infer<typeof quote>

/** A message as one viewer sees it: `seq` counts in that viewer's own line. */
export const message = z
  .strictObject({
    id,
    conversationId: id,
    seq,
    clientKey: z.string(),
    senderId: id,
    kind: z.enum(['internal', 'external', 'system']),
    audience,
    text: z.string(),
    quote: quote.nullable(),
    system: systemEvent.nullable(),
    createdAt: instant,
    editedAt: instant.nullable(),
    deletedAt: instant.nullable(),
    deletedBy: id.nullable(),
  })
  .meta({ id: 'Message' })
export type Message = z.infer<typeof message>

const one = z.strictObject({ message })

export const listMessages = operation('listMessages', {
  summary: 'A page of messages, oldest first: the newest, or before, after or around a position',
  input: z.strictObject({
    conversationId: id,
    before: seqParameter.optional(),
    after: seqParameter.optional(),
    around: seqParameter.optional(),
    limit: pageSize,
  }),
  output: z.strictObject({
    items: z.array(message),
    hasBefore: z.boolean(),
    hasAfter: z.boolean(),
    seq: seq.describe('the position the page was read at'),
    users: z.array(profile),
  }),
  errors: ['not_found'],
})

export const sendMessage = operation('sendMessage', {
  summary: 'Send a message or a note; acknowledged once it is durable',
  input: z.strictObject({
    conversationId: id,
    clientKey,
    text,
    audience: audience.default('everyone'),
    replyTo: id.optional(),
  }),
  output: one,
  errors: ['not_found', 'forbidden', 'client_key_reused', 'conversation_archived'],
})

export const getMessage = operation('getMessage', {
  summary: 'One message',
  input: z.strictObject({ messageId: id }),
  output: one,
  errors: ['not_found'],
})

export const editMessage = operation('editMessage', {
  summary: 'Change the text of an own message',
  input: z.strictObject({ messageId: id, text }),
  output: one,
  errors: ['not_found', 'forbidden', 'conversation_archived'],
})

export const deleteMessage = operation('deleteMessage', {
  summary: 'Delete a message; a tombstone keeps its place',
  input: z.strictObject({ messageId: id }),
  output: one,
  errors: ['not_found', 'forbidden', 'conversation_archived'],
})
