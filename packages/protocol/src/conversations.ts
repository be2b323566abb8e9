import { z } from 'zod'
import { clientKey, cursor, id, instant, pageSize, seq, subject, text } from './fields.ts'
import { limits } from './limits.ts'
import { audience, message } from './messages.ts'
import { operation } from './operation.ts'
import { participant } from './participants.ts'
import { profile } from './users.ts'

export const conversationKind = z.enum(['internal', 'external'])
export type ConversationKind = z.infer<typeof conversationKind>

export const conversationStatus = z.enum(['open', 'waiting', 'closed', 'archived'])
export type ConversationStatus = z.infer<typeof conversationStatus>

const contextUrl = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .nullable()

/** The host's record a conversation belongs to. */
export const context = z
  .strictObject({ type: id, id, title: z.string().min(1).max(limits.subjectLength), url: contextUrl })
  .meta({ id: 'Context' })
export type Context = z.infer<typeof context>

/** What a conversation is, the same for every participant. */
export const conversation = z
  .strictObject({
    id,
    kind: conversationKind,
    direct: z.boolean(),
    subject: z.string().nullable(),
    context: context.nullable(),
    status: conversationStatus,
    createdBy: id,
    createdAt: instant,
  })
  .meta({ id: 'Conversation' })
export type Conversation = z.infer<typeof conversation>

/**
 * A conversation as one viewer finds it, read at position `seq` of the viewer's line.
 * `participants` holds the first ones by time of joining, the viewer always among them; `participantCount` is exact.
 */
export const conversationSnapshot = z
  .strictObject({
    conversation,
    seq,
    participants: z.array(participant),
    participantCount: z.int(),
    unread: z.int().max(limits.unreadCounted),
    lastMessage: message.nullable(),
    activityAt: instant,
  })
  .meta({ id: 'ConversationSnapshot' })
export type ConversationSnapshot = z.infer<typeof conversationSnapshot>

const one = z.strictObject({ conversation: conversationSnapshot, users: z.array(profile) })

export const listConversations = operation('listConversations', {
  summary: "The viewer's conversations, latest activity first",
  input: z.strictObject({
    kind: conversationKind.optional(),
    status: conversationStatus.optional(),
    view: z.enum(['all', 'unread', 'archived']).default('all'),
    contextType: id.optional(),
    contextId: id.optional(),
    q: z.string().max(limits.nameLength).optional(),
    cursor: cursor.optional(),
    limit: pageSize,
  }),
  output: z.strictObject({
    items: z.array(conversationSnapshot),
    nextCursor: z.string().nullable(),
    users: z.array(profile),
  }),
})

export const createConversation = operation('createConversation', {
  summary: 'Start a conversation, with its first message if there is one',
  input: z.strictObject({
    clientKey: clientKey.optional(),
    kind: conversationKind,
    participants: z.array(id).max(limits.participantsPerRequest),
    subject: subject.optional(),
    context: context.optional(),
    direct: z.boolean().default(false),
    firstMessage: z.strictObject({ clientKey, text, audience: audience.default('everyone') }).optional(),
  }),
  output: one,
  errors: ['forbidden', 'client_key_reused'],
})

export const getConversation = operation('getConversation', {
  summary: 'One conversation, with the position it was read at',
  input: z.strictObject({ conversationId: id }),
  output: one,
  errors: ['not_found'],
})

export const updateConversation = operation('updateConversation', {
  summary: 'Change subject, context or status',
  input: z.strictObject({
    conversationId: id,
    subject: subject.nullable().optional(),
    context: context.nullable().optional(),
    status: conversationStatus.optional(),
  }),
  output: z.strictObject({ conversation }),
  errors: ['not_found', 'forbidden', 'conversation_archived'],
})
