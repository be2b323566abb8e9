import {
  invalidField,
  limits,
  type OperationOutput,
  ParleyError,
  type ParsedInput,
  type Participant,
  type Role,
} from '@parley/protocol'
import { lineOf } from '../actor.ts'
import { type Context, scopeOf } from '../context.ts'
import { accessConversation, requireOpen } from '../conversations/conversation.policy.ts'
import { headIn } from '../conversations/conversation.tables.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { readKnownUsers, readProfiles } from '../users/user.service.ts'
import { type Writing, write } from '../write.ts'
import { canManage, canRemove, requireFitting } from './participant.policy.ts'
import { type ParticipantRow, participantColumns, toParticipant } from './participant.tables.ts'

const page = statement(
  'participants-page',
  `select ${participantColumns} from participants p
   where p.workspace_id = $1 and p.conversation_id = $2 and p.removed_at is null and (p.joined_at, p.user_id) > ($3, $4)
   order by p.joined_at, p.user_id limit $5`,
)

const find = statement(
  'participant-find',
  `select ${participantColumns}, u.role as user_role from participants p
   join users u on u.workspace_id = p.workspace_id and u.id = p.user_id
   where p.workspace_id = $1 and p.conversation_id = $2 and p.user_id = $3 and p.removed_at is null`,
)

const enter = statement(
  'participant-enter',
  `insert into participants (workspace_id, conversation_id, user_id, role, from_seq, read_seq, read_public_seq,
     delivered_seq, delivered_public_seq)
   values ($1, $2, $3, $4, $5, $6, $7, $6, $7)
   on conflict (workspace_id, conversation_id, user_id) do update set role = excluded.role, joined_at = now(),
     from_seq = excluded.from_seq, removed_at = null,
     read_seq = greatest(participants.read_seq, excluded.read_seq),
     read_public_seq = greatest(participants.read_public_seq, excluded.read_public_seq),
     delivered_seq = greatest(participants.delivered_seq, excluded.delivered_seq),
     delivered_public_seq = greatest(participants.delivered_public_seq, excluded.delivered_public_seq)`,
)

const setRole = statement(
  'participant-role',
  'update participants set role = $4 where workspace_id = $1 and conversation_id = $2 and user_id = $3',
)

const leave = statement(
  'participant-leave',
  'update participants set removed_at = now() where workspace_id = $1 and conversation_id = $2 and user_id = $3',
)

const makeGroup = statement(
  'conversation-group',
  `update conversations set direct = false where workspace_id = $1 and id = $2
     and (select count(*) from participants where workspace_id = $1 and conversation_id = $2 and user_id <> $3) >= 2
   returning id`,
)

/** Who takes over when the last owner goes: a team member before an outsider, the longest there first. */
const heir = statement(
  'participant-heir',
  `select p.user_id from participants p join users u on u.workspace_id = p.workspace_id and u.id = p.user_id
   where p.workspace_id = $1 and p.conversation_id = $2 and p.user_id <> $3 and p.removed_at is null
     and not exists (select 1 from participants o where o.workspace_id = $1 and o.conversation_id = $2
       and o.user_id <> $3 and o.role = 'owner' and o.removed_at is null)
   order by (u.role = 'external'), p.joined_at, p.user_id limit 1`,
)

interface FoundRow extends ParticipantRow {
  readonly user_role: Role
}

async function findParticipant(tx: Tx, ctx: Context, conversationId: string, userId: string): Promise<FoundRow> {
  const [row] = await tx.query<FoundRow>(find, [ctx.actor.workspaceId, conversationId, userId])
  if (!row) throw new ParleyError('not_found')
  return row
}

/**
 * The people in a conversation, by time of joining, with the position the page was read at.
 * @throws ParleyError `not_found` outside of it, `invalid` for a cursor of something else
 */
export function listParticipants(
  ctx: Context,
  input: ParsedInput<'listParticipants'>,
): Promise<OperationOutput<'listParticipants'>> {
  const { actor, db } = ctx
  return db.transaction('read', scopeOf(actor), async (tx) => {
    const { conversation } = await accessConversation(tx, actor, input.conversationId)
    const [at, id] = input.cursor === undefined ? ['-infinity', ''] : decodeCursor('participants', input.cursor, 2)
    const values = [actor.workspaceId, input.conversationId, at, id, input.limit + 1]
    const rows = await tx.query<ParticipantRow>(page, values)
    const shown = rows.slice(0, input.limit)
    const last = rows.length > input.limit ? shown.at(-1) : undefined
    return {
      items: shown.map((row) => toParticipant(row, lineOf(actor))),
      nextCursor: last ? encodeCursor('participants', [last.joined_at, last.user_id]) : null,
      seq: headIn(conversation, lineOf(actor)),
      users: await readProfiles(
        tx,
        actor.workspaceId,
        shown.map((row) => row.user_id),
      ),
    }
  })
}

/** A direct conversation is between the two who were ever in it; with a third one it is a group. */
async function becomeGroupWith(ctx: Context, writing: Writing, userId: string): Promise<void> {
  const { tx, conversation } = writing
  const made = await tx.query(makeGroup, [ctx.actor.workspaceId, conversation.id, userId])
  if (made.length === 0) return
  writing.emit({ type: 'conversation-updated', entityId: conversation.id })
}

async function join(ctx: Context, writing: Writing, input: ParsedInput<'addParticipant'>): Promise<void> {
  const { tx, conversation, participant } = writing
  const user = (await readKnownUsers(tx, ctx, [input.userId])).get(input.userId)
  if (!user) throw invalidField('userId', 'There is no such person')
  requireFitting(conversation, [user.role], 'userId')
  if (conversation.participant_count >= limits.participantsPerConversation) {
    throw invalidField('userId', 'This conversation is full')
  }
  if (conversation.direct) await becomeGroupWith(ctx, writing, input.userId)
  const { seq } = writing.emit({ type: 'participant-added', entityId: input.userId })
  await tx.query(enter, [
    ctx.actor.workspaceId,
    conversation.id,
    input.userId,
    input.role,
    input.history === 'all' ? participant.from_seq : seq,
    conversation.seq,
    conversation.public_seq,
  ])
  writing.membership(1, [input.userId])
  writing.tell({ type: 'participant-added', userId: input.userId })
}

/**
 * Adds a person, who sees what comes from now on, or everything that the one sees who adds him; marks start at the head. Who is there already stays as he is.
 * With a third person a direct conversation is one no more.
 * @throws ParleyError `not_found` outside of it, `forbidden`, `invalid` for a person one may not add, `conversation_archived`
 */
export function addParticipant(
  ctx: Context,
  input: ParsedInput<'addParticipant'>,
): Promise<{ participant: Participant }> {
  return write(ctx, input.conversationId, async (writing) => {
    if (!canManage(ctx.actor, writing.participant)) throw new ParleyError('forbidden')
    const key = [ctx.actor.workspaceId, input.conversationId, input.userId]
    const [present] = await writing.tx.query<FoundRow>(find, key)
    if (!present) {
      requireOpen(writing.conversation)
      await join(ctx, writing, input)
    }
    const row = present ?? (await findParticipant(writing.tx, ctx, input.conversationId, input.userId))
    return { participant: toParticipant(row, lineOf(ctx.actor)) }
  })
}

/**
 * Changes a participant's role. The last owner stays one.
 * @throws ParleyError `not_found`, `forbidden`, `conversation_archived`
 */
export function updateParticipant(
  ctx: Context,
  input: ParsedInput<'updateParticipant'>,
): Promise<{ participant: Participant }> {
  return write(ctx, input.conversationId, async (writing) => {
    if (!canManage(ctx.actor, writing.participant)) throw new ParleyError('forbidden')
    const row = await findParticipant(writing.tx, ctx, input.conversationId, input.userId)
    if (row.role !== input.role) {
      requireOpen(writing.conversation)
      await changeRole(ctx, writing, input.userId, input.role)
      if (input.role === 'member') await keepOwned(ctx, writing, input.userId)
    }
    return { participant: { ...toParticipant(row, lineOf(ctx.actor)), role: input.role } }
  })
}

async function changeRole(ctx: Context, writing: Writing, userId: string, role: string): Promise<void> {
  await writing.tx.query(setRole, [ctx.actor.workspaceId, writing.conversation.id, userId, role])
  writing.emit({ type: 'participant-updated', entityId: userId })
}

async function keepOwned(ctx: Context, writing: Writing, goingUserId: string): Promise<void> {
  const values = [ctx.actor.workspaceId, writing.conversation.id, goingUserId]
  const [next] = await writing.tx.query<{ user_id: string }>(heir, values)
  if (next) await changeRole(ctx, writing, next.user_id, 'owner')
}

/**
 * Takes a person out, or leaves. The removal is the last change that reaches the person (delivery G9).
 * When the last owner goes, the participant who is there longest becomes owner.
 * @returns the removal's position in the caller's line
 * @throws ParleyError `not_found`, `forbidden`
 */
export function removeParticipant(ctx: Context, input: ParsedInput<'removeParticipant'>): Promise<{ seq: number }> {
  return write(ctx, input.conversationId, async (writing) => {
    const row = await findParticipant(writing.tx, ctx, input.conversationId, input.userId)
    const removed = { userId: input.userId, role: row.user_role }
    if (!canRemove(ctx.actor, writing.participant, removed)) throw new ParleyError('forbidden')
    if (row.role === 'owner') await keepOwned(ctx, writing, input.userId)
    const left = input.userId === ctx.actor.userId
    writing.tell({ type: left ? 'participant-left' : 'participant-removed', userId: input.userId })
    await writing.tx.query(leave, [ctx.actor.workspaceId, input.conversationId, input.userId])
    const position = writing.emit({ type: 'participant-removed', entityId: input.userId })
    writing.membership(-1)
    return { seq: lineOf(ctx.actor) === 'team' ? position.seq : (position.publicSeq ?? 0) }
  })
}
