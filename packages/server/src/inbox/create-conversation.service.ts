import { createHash } from 'node:crypto'
import { invalidField, type OperationOutput, ParleyError, type ParsedInput } from '@parley/protocol'
import { lineOf } from '../actor.ts'
import { type Context, scopeOf } from '../context.ts'
import type { ConversationRow } from '../conversations/conversation.tables.ts'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { recordMessage } from '../messages/send.service.ts'
import { requireFitting } from '../participants/participant.policy.ts'
import type { ParticipantRow } from '../participants/participant.tables.ts'
import { readKnownUsers } from '../users/user.service.ts'
import type { UserRow } from '../users/user.tables.ts'
import { type Writing, writeNew } from '../write.ts'
import { getConversation } from './inbox.service.ts'

type Input = ParsedInput<'createConversation'>
type Output = OperationOutput<'createConversation'>

const findByKey = statement(
  'conversation-by-key',
  'select id, body_hash from conversations where workspace_id = $1 and created_by = $2 and client_key = $3',
)

const insertConversation = statement(
  'conversation-insert',
  `insert into conversations (workspace_id, id, kind, direct, subject, context_type, context_id, context_title,
     context_url, created_by, client_key, body_hash)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
   on conflict (workspace_id, created_by, client_key) do nothing
   returning id`,
)

const insertParticipants = statement(
  'participants-insert',
  `insert into participants (workspace_id, conversation_id, user_id, role)
   select $1, $2, x, case when x = $4 then 'owner' else 'member' end from unnest($3::text[]) as x`,
)

function requireKnown({ actor }: Context, { participants }: Input, known: ReadonlyMap<string, UserRow>): void {
  const unknown = participants.flatMap((userId, index) => {
    const exists = userId === actor.userId || known.has(userId)
    return exists ? [] : [{ path: `participants.${index}`, problem: 'There is no such person' }]
  })
  if (unknown.length > 0) throw new ParleyError('invalid', 'Some people do not exist', { fields: unknown })
}

async function requirePeople(tx: Tx, ctx: Context, input: Input): Promise<string[]> {
  const others = [...new Set(input.participants)].filter((userId) => userId !== ctx.actor.userId)
  const known = await readKnownUsers(tx, ctx, others)
  requireKnown(ctx, input, known)
  if (input.direct && others.length !== 1) {
    throw invalidField('participants', 'A direct conversation is with exactly one other person')
  }
  requireFitting(input, [ctx.actor.role, ...[...known.values()].map((user) => user.role)], 'participants')
  return [ctx.actor.userId, ...others]
}

function emptyRow(ctx: Context, id: string, input: Input): ConversationRow {
  const now = new Date(ctx.clock()).toISOString()
  return {
    id,
    kind: input.kind,
    direct: input.direct,
    subject: input.subject ?? null,
    context_type: input.context?.type ?? null,
    context_id: input.context?.id ?? null,
    context_title: input.context?.title ?? null,
    context_url: input.context?.url ?? null,
    status: 'open',
    created_by: ctx.actor.userId,
    created_at: now,
    seq: 0,
    public_seq: 0,
    participant_count: 0,
    activity_at: now,
    public_activity_at: now,
  }
}

function ownRow(ctx: Context, conversation: ConversationRow): ParticipantRow {
  return {
    conversation_id: conversation.id,
    user_id: ctx.actor.userId,
    role: 'owner',
    joined_at: conversation.created_at,
    from_seq: 0,
    read_seq: 0,
    read_public_seq: 0,
    delivered_seq: 0,
    delivered_public_seq: 0,
  }
}

async function fill(ctx: Context, writing: Writing, input: Input): Promise<boolean> {
  const { tx, conversation: row } = writing
  const people = await requirePeople(tx, ctx, input)
  const inserted = await tx.query(insertConversation, [
    ctx.actor.workspaceId,
    row.id,
    row.kind,
    row.direct,
    row.subject,
    row.context_type,
    row.context_id,
    row.context_title,
    row.context_url,
    row.created_by,
    input.clientKey ?? null,
    bodyHash(input),
  ])
  if (inserted.length === 0) return false
  await tx.query(insertParticipants, [ctx.actor.workspaceId, row.id, people, ctx.actor.userId])
  writing.membership(people.length, people)
  writing.emit({ type: 'conversation-created', entityId: row.id })
  if (input.firstMessage) await recordMessage(ctx, writing, input.firstMessage)
  return true
}

/** What the caller asked for, so that the same key with other content can be told from a retry. */
function bodyHash({ clientKey: _, ...body }: Input): string {
  const participants = [...new Set(body.participants)].sort()
  return createHash('sha256')
    .update(JSON.stringify({ ...body, participants }))
    .digest('base64url')
}

async function findCreated(ctx: Context, input: Input): Promise<string | undefined> {
  if (input.clientKey === undefined) return undefined
  const { actor, db } = ctx
  const values = [actor.workspaceId, actor.userId, input.clientKey]
  const [row] = await db.read<{ id: string; body_hash: string }>(scopeOf(actor), findByKey, values)
  if (row && row.body_hash !== bodyHash(input)) throw new ParleyError('client_key_reused')
  return row?.id
}

/**
 * Starts a conversation, with its first message if there is one. The same client key again answers the same conversation.
 * @throws ParleyError `forbidden` for an internal conversation by an outsider, `invalid` for people who do not fit,
 *   `client_key_reused` for other content under a used key
 */
export async function createConversation(ctx: Context, input: Input): Promise<Output> {
  if (input.kind === 'internal' && lineOf(ctx.actor) === 'public') throw new ParleyError('forbidden')
  const known = await findCreated(ctx, input)
  if (known !== undefined) return getConversation(ctx, { conversationId: known })
  const row = emptyRow(ctx, ctx.ids(), input)
  const created = await writeNew(ctx, row, ownRow(ctx, row), (writing) => fill(ctx, writing, input))
  const conversationId = created ? row.id : await findCreated(ctx, input)
  if (conversationId === undefined) throw new ParleyError('client_key_reused')
  return getConversation(ctx, { conversationId })
}
