import type { ConversationSnapshot, OperationOutput, ParsedInput, Profile } from '@parley/protocol'
import { ParleyError } from '@parley/protocol'
import { type Line, lineOf } from '../actor.ts'
import { type Context, scopeOf } from '../context.ts'
import { conversationOfParticipant } from '../conversations/conversation.tables.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import type { Tx } from '../db/database.ts'
import { type Statement, statement } from '../db/statement.ts'
import { readMessages } from '../messages/message.service.ts'
import type { ParticipantRow } from '../participants/participant.tables.ts'
import { readProfiles } from '../users/user.service.ts'
import {
  activityColumn,
  embeddedParticipants,
  type SnapshotRow,
  snapshotSelect,
  toSnapshot,
  unreadBy,
} from './inbox.tables.ts'

type ListInput = ParsedInput<'listConversations'>

function perLine(make: (line: Line) => Statement): Record<Line, Statement> {
  return { team: make('team'), public: make('public') }
}

/** Of participant `$2` in workspace `$1`. */
const mine = 'p.workspace_id = $1 and p.user_id = $2 and p.removed_at is null'

const one = perLine((line) =>
  statement(`snapshot-${line}`, `${snapshotSelect(line, 'participants p')} where ${mine} and p.conversation_id = $3`),
)

const participantsOf = statement('snapshot-participants', embeddedParticipants)

/**
 * Keyset on activity, then id. Without a status the archive is left out, except in its own view.
 * `$7` view, `$8` text that a subject, context or participant's name must hold.
 */
function chosen(line: Line): string {
  const activity = `c.${activityColumn(line)}`
  return `select p.conversation_id from participants p ${conversationOfParticipant}
    where ${mine}
      and ($3::text is null or c.kind = $3)
      and ($4::text is null or c.status = $4)
      and ($5::text is null or c.context_type = $5)
      and ($6::text is null or c.context_id = $6)
      and (case $7 when 'archived' then c.status = 'archived'
             else $4::text is not null or c.status <> 'archived' end)
      and ($7 <> 'unread' or exists (select 1 from messages m where ${unreadBy(line)}))
      and ($8::text is null or c.subject ilike $8 or c.context_title ilike $8 or exists (
        select 1 from participants o join users u on u.workspace_id = o.workspace_id and u.id = o.user_id
        where o.workspace_id = c.workspace_id and o.conversation_id = c.id and o.removed_at is null
          and o.user_id <> p.user_id and u.name ilike $8))
      and ($9::timestamptz is null or (${activity}, c.id) < ($9, $10))
    order by ${activity} desc, c.id desc limit $11`
}

/** What a row shows is looked up for the rows of the page only. */
const page = perLine((line) => {
  const participants = `(${chosen(line)}) chosen cross join lateral (
    select * from participants p where ${mine} and p.conversation_id = chosen.conversation_id offset 0) p`
  return statement(
    `snapshots-${line}`,
    `${snapshotSelect(line, participants)} order by c.${activityColumn(line)} desc, c.id desc`,
  )
})

interface Loaded {
  readonly items: ConversationSnapshot[]
  readonly users: Profile[]
}

function group(rows: readonly ParticipantRow[]): Map<string, ParticipantRow[]> {
  const groups = new Map<string, ParticipantRow[]>()
  for (const row of rows) {
    const known = groups.get(row.conversation_id)
    if (known) known.push(row)
    else groups.set(row.conversation_id, [row])
  }
  return groups
}

async function load(tx: Tx, ctx: Context, rows: readonly SnapshotRow[]): Promise<Loaded> {
  const { actor } = ctx
  const line = lineOf(actor)
  const ids = rows.map((row) => row.conversation_id)
  const lastIds = rows.flatMap((row) => (row.last_message === null ? [] : [row.last_message]))
  const [people, messages] = await Promise.all([
    tx.query<ParticipantRow>(participantsOf, [actor.workspaceId, ids, actor.userId]),
    readMessages(tx, actor.workspaceId, lastIds),
  ])
  const participants = group(people)
  const items = rows.map((row) =>
    toSnapshot(
      row,
      line,
      participants.get(row.conversation_id) ?? [],
      messages.find((message) => message.id === row.last_message),
    ),
  )
  const userIds = [
    ...people.map((row) => row.user_id),
    ...rows.map((row) => row.created_by),
    ...messages.flatMap((row) => [row.sender_id, ...(row.quote_sender_id ? [row.quote_sender_id] : [])]),
  ]
  return { items, users: await readProfiles(tx, actor.workspaceId, userIds) }
}

/**
 * One conversation, with the position it was read at.
 * @throws ParleyError `not_found` when the actor is not in it
 */
export function getConversation(
  ctx: Context,
  { conversationId }: ParsedInput<'getConversation'>,
): Promise<OperationOutput<'getConversation'>> {
  const { actor, db } = ctx
  return db.transaction('read', scopeOf(actor), async (tx) => {
    const values = [actor.workspaceId, actor.userId, conversationId]
    const rows = await tx.query<SnapshotRow>(one[lineOf(actor)], values)
    const { items, users } = await load(tx, ctx, rows)
    const [conversation] = items
    if (!conversation) throw new ParleyError('not_found')
    return { conversation, users }
  })
}

/**
 * The actor's conversations, latest activity first.
 * @throws ParleyError `invalid` for a cursor of something else
 */
export function listConversations(ctx: Context, input: ListInput): Promise<OperationOutput<'listConversations'>> {
  const { actor, db } = ctx
  const line = lineOf(actor)
  const [at, id] = input.cursor === undefined ? [null, null] : decodeCursor('conversations', input.cursor, 2)
  const pattern = input.q ? `%${input.q.replace(/[\\%_]/g, '\\$&')}%` : null
  const values = [
    actor.workspaceId,
    actor.userId,
    input.kind ?? null,
    input.status ?? null,
    input.contextType ?? null,
    input.contextId ?? null,
    input.view,
    pattern,
    at,
    id,
    input.limit + 1,
  ]
  return db.transaction('read', scopeOf(actor), async (tx) => {
    const rows = await tx.query<SnapshotRow>(page[line], values)
    const last = rows.length > input.limit ? rows[input.limit - 1] : undefined
    const { items, users } = await load(tx, ctx, rows.slice(0, input.limit))
    return {
      items,
      nextCursor: last ? encodeCursor('conversations', [last[activityColumn(line)], last.conversation_id]) : null,
      users,
    }
  })
}
