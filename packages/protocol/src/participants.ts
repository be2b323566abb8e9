import { z } from 'zod'
import { cursor, id, instant, pageSize, seq } from './fields.ts'
import { operation } from './operation.ts'
import { profile } from './users.ts'

/** One person in a conversation, with the marks in the viewer's own line. */
export const participant = z
  .strictObject({
    userId: id,
    role: z.enum(['owner', 'member']),
    joinedAt: instant,
    readSeq: seq,
    deliveredSeq: seq,
  })
  .meta({ id: 'Participant' })
export type Participant = z.infer<typeof participant>

const one = z.strictObject({ participant })

export const listParticipants = operation('listParticipants', {
  summary: 'The people in a conversation',
  input: z.strictObject({ conversationId: id, cursor: cursor.optional(), limit: pageSize }),
  output: z.strictObject({
    items: z.array(participant),
    nextCursor: z.string().nullable(),
    seq: seq.describe('the position the page was read at'),
    users: z.array(profile),
  }),
  errors: ['not_found'],
})

export const addParticipant = operation('addParticipant', {
  summary: 'Add a person; they see what comes, or everything from the start',
  input: z.strictObject({
    conversationId: id,
    userId: id,
    role: z.enum(['owner', 'member']).default('member'),
    history: z.enum(['none', 'all']).default('none'),
  }),
  output: one,
  errors: ['not_found', 'forbidden', 'conversation_archived'],
})

export const updateParticipant = operation('updateParticipant', {
  summary: "Change a participant's role",
  input: z.strictObject({ conversationId: id, userId: id, role: z.enum(['owner', 'member']) }),
  output: one,
  errors: ['not_found', 'forbidden', 'conversation_archived'],
})

export const removeParticipant = operation('removeParticipant', {
  summary: 'Remove a person, or leave; nothing after the removal reaches them',
  input: z.strictObject({ conversationId: id, userId: id }),
  output: z.strictObject({ seq: seq.describe("the removal's position in the caller's line") }),
  errors: ['not_found', 'forbidden'],
})
