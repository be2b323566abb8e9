import { invalidField } from '@parley/protocol'
import type { Services } from '../context.ts'
import { type ConversationRow, conversationColumns } from '../conversations/conversation.tables.ts'
import type { Scope, Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { requireFitting } from '../participants/participant.policy.ts'
import { defaultWorkspaceId, ensureWorkspace, readWorkspace } from '../workspaces/workspace.service.ts'
import { type Batch, toBatches } from './import-batches.ts'
import { type ImportedIds, importedIds, importedUserId } from './import-ids.ts'
import type { Fault, ImportLine } from './import-line.ts'
import {
  type ImportOptions,
  type NewMessage,
  type PersonRow,
  type Plan,
  type Present,
  planConversation,
} from './import-plan.ts'

/** How many conversations are written at the same time. */
const writers = 4

const findParticipants = statement(
  'import-viewers',
  'select id, role from users where workspace_id = $1 and id = any($2) and deactivated_at is null',
)

const addUsers = statement(
  'import-users',
  `insert into users (workspace_id, id, name, role)
   select $1, x.id, x.name, $4 from unnest($2::text[], $3::text[]) as x(id, name) order by x.id
   on conflict (workspace_id, id) do nothing returning id`,
)

const addConversation = statement(
  'import-conversation',
  `insert into conversations (workspace_id, id, kind, direct, subject, created_by, client_key, created_at, activity_at,
     public_activity_at)
   select $1, $2, $3, false, $4, $5, $6, x.at, x.at, x.at from (select least($7::timestamptz, now()) as at) x
   on conflict do nothing`,
)

const lock = statement(
  'import-lock',
  `select ${conversationColumns} from conversations c where c.workspace_id = $1 and c.id = $2 for update`,
)

const findMessages = statement(
  'import-messages-known',
  `select m.id, m.body_hash from unnest($2::text[]) as x(id) cross join lateral (
     select id, body_hash from messages where workspace_id = $1 and id = x.id limit 1) m`,
)

const findPeople = statement(
  'import-people',
  `select u.id, u.role, u.deactivated, p.removed is not null as known, coalesce(p.removed, false) as removed
   from unnest($3::text[]) as x(id)
   cross join lateral (
     select id, role, deactivated_at is not null as deactivated from users where workspace_id = $1 and id = x.id limit 1) u
   left join lateral (
     select removed_at is not null as removed from participants
     where workspace_id = $1 and conversation_id = $2 and user_id = x.id limit 1) p on true`,
)

const addParticipants = statement(
  'import-participants',
  `insert into participants (workspace_id, conversation_id, user_id, role, joined_at, read_seq, read_public_seq,
     delivered_seq, delivered_public_seq)
   select $1, $2, x.user_id, x.role, least(x.at, now()), $3, $4, $3, $4
   from unnest($5::text[], $6::text[], $7::timestamptz[]) as x(user_id, role, at)`,
)

const addMessages = statement(
  'import-messages',
  `insert into messages (workspace_id, id, conversation_id, seq, public_seq, sender_id, client_key, body_hash, kind,
     audience, text, reply_to, created_at)
   select $1, x.id, $2, $3 + x.n, $4 + x.n, x.sender_id, x.client_key, x.body_hash, $5, 'everyone', x.text, x.reply_to, x.at
   from unnest($6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::timestamptz[])
     with ordinality as x(id, sender_id, client_key, body_hash, text, reply_to, at, n)`,
)

const addChanges = statement(
  'import-changes',
  `insert into changes (workspace_id, conversation_id, seq, public_seq, type, actor_id, entity_id, audience)
   select $1, $2, $3 + x.n, $4 + x.n, x.type, x.actor_id, x.entity_id, 'everyone'
   from unnest($5::text[], $6::text[], $7::text[]) with ordinality as x(type, actor_id, entity_id, n)`,
)

/** Who had read everything has still read everything: what is imported is old news to him. */
const moveMarks = statement(
  'import-marks',
  `update participants set
     read_seq = case read_seq when $3 then $5 else read_seq end,
     read_public_seq = case read_public_seq when $4 then $6 else read_public_seq end,
     delivered_seq = case delivered_seq when $3 then $5 else delivered_seq end,
     delivered_public_seq = case delivered_public_seq when $4 then $6 else delivered_public_seq end
   where workspace_id = $1 and conversation_id = $2
     and (read_seq = $3 or read_public_seq = $4 or delivered_seq = $3 or delivered_public_seq = $4)`,
)

const raiseHead = statement(
  'import-head',
  `update conversations set seq = $3, public_seq = $4, participant_count = participant_count + $5,
     activity_at = greatest(activity_at, least($6::timestamptz, now())),
     public_activity_at = greatest(public_activity_at, least($6::timestamptz, now()))
   where workspace_id = $1 and id = $2`,
)

/** What an import added, of how many messages it read, and how many lines had a fault. */
export interface ImportCounts {
  read: number
  conversations: number
  people: number
  messages: number
  quotes: number
  faults: number
}

/** Who looks on while an import runs. */
export interface ImportWatch {
  /** Called after each commit. */
  onProgress(counts: Readonly<ImportCounts>): void
  onFault(fault: Fault): void
}

interface Run {
  readonly db: Services['db']
  readonly scope: Scope
  readonly options: ImportOptions
}

interface Entry {
  readonly type: 'conversation-created' | 'participant-added' | 'new-message'
  readonly actorId: string
  readonly entityId: string
}

function toEntry(message: NewMessage): Entry {
  return { type: 'new-message', actorId: message.senderId, entityId: message.id }
}

/** Creation, then people who enter a conversation that exists, then the messages: the order of their places in the lines. */
function entriesOf({ conversation }: Present, { messages, joining }: Plan): Entry[] {
  const { id, created_by: creator } = conversation
  const opening: Entry[] =
    conversation.seq === 0
      ? [{ type: 'conversation-created', actorId: creator, entityId: id }]
      : joining.map(({ userId }) => ({ type: 'participant-added', actorId: userId, entityId: userId }))
  return [...opening, ...messages.map(toEntry)]
}

async function insertMessages(tx: Tx, workspaceId: string, { conversation }: Present, plan: Plan, before: number) {
  const { messages } = plan
  await tx.query(addMessages, [
    workspaceId,
    conversation.id,
    conversation.seq + before,
    conversation.public_seq + before,
    conversation.kind,
    messages.map((message) => message.id),
    messages.map((message) => message.senderId),
    messages.map((message) => message.clientKey),
    messages.map((message) => message.bodyHash),
    messages.map((message) => message.text),
    messages.map((message) => message.replyTo),
    messages.map((message) => message.at),
  ])
}

/** Rows, change log and counters of one conversation, together: at the commit its head is its last row (delivery G4, G5). */
async function save(tx: Tx, workspaceId: string, present: Present, plan: Plan): Promise<void> {
  const { conversation } = present
  const { messages, joining } = plan
  const entries = entriesOf(present, plan)
  if (entries.length === 0) return
  const key = [workspaceId, conversation.id]
  const before = [conversation.seq, conversation.public_seq]
  const after = before.map((head) => head + entries.length)
  await tx.query(moveMarks, [...key, ...before, ...after])
  await tx.query(addParticipants, [
    ...key,
    ...after,
    joining.map((person) => person.userId),
    joining.map((person) => person.role),
    joining.map((person) => person.at),
  ])
  await insertMessages(tx, workspaceId, present, plan, entries.length - messages.length)
  await tx.query(addChanges, [
    ...key,
    ...before,
    entries.map((entry) => entry.type),
    entries.map((entry) => entry.actorId),
    entries.map((entry) => entry.entityId),
  ])
  const activityAt = messages.at(-1)?.at ?? conversation.activity_at
  await tx.query(raiseHead, [...key, ...after, joining.length, activityAt])
}

function idsOf(lines: readonly ImportLine[], ids: ImportedIds): string[] {
  const indexes = lines.flatMap(({ index, replyTo }) => (replyTo === null ? [index] : [index, replyTo]))
  return [...new Set(indexes)].map((index) => ids.messageId(index))
}

async function readPresent(tx: Tx, run: Run, ids: ImportedIds, lines: readonly ImportLine[]): Promise<Present> {
  const { scope, options } = run
  const { workspaceId } = scope
  const { conversationId } = ids
  const [conversation] = await tx.query<ConversationRow>(lock, [workspaceId, conversationId])
  if (!conversation) throw new Error(`Conversation ${conversationId} is neither there nor could it be made`)
  const known = await tx.query<{ id: string; body_hash: string }>(findMessages, [workspaceId, idsOf(lines, ids)])
  const authors = new Set(lines.map((line) => importedUserId(options.source, line.author)))
  const people = await tx.query<PersonRow>(findPeople, [
    workspaceId,
    conversationId,
    [...authors, ...options.participants],
  ])
  return {
    conversation,
    hashes: new Map(known.map((row) => [row.id, row.body_hash])),
    people: new Map(people.map((row) => [row.id, row])),
  }
}

async function writeConversation(run: Run, name: string, lines: readonly ImportLine[]): Promise<[Present, Plan]> {
  const { db, scope, options } = run
  const { workspaceId } = scope
  const ids = importedIds(options.source, name)
  const first = lines.reduce((least, line) => (line.index < least.index ? line : least))
  return db.transaction('bulk', scope, async (tx) => {
    const creator = importedUserId(options.source, first.author)
    const row = [workspaceId, ids.conversationId, options.kind, name.trim(), creator, ids.clientKey, first.at]
    await tx.query(addConversation, row)
    const present = await readPresent(tx, run, ids, lines)
    const plan = planConversation(present, lines, ids, options)
    await save(tx, workspaceId, present, plan)
    return [present, plan]
  })
}

/** Imported people are of the other side, or of the team where only the team can be; without an account they cannot sign in. */
async function writePeople({ db, scope, options }: Run, batch: Batch): Promise<number> {
  const names = new Set([...batch.values()].flatMap((lines) => lines.map((line) => line.author)))
  const ids = [...names].map((author) => importedUserId(options.source, author))
  const role = options.kind === 'internal' ? 'member' : 'external'
  const added = await db.transaction('bulk', scope, (tx) =>
    tx.query<{ id: string }>(addUsers, [scope.workspaceId, ids, [...names], role]),
  )
  return added.length
}

/**
 * Checks that what an import is told names things that exist; the default workspace is made.
 * @throws ParleyError `not_found` for another workspace, `invalid` for a person who is not there or may not be in such a conversation
 */
async function requireOptions({ db, scope, options }: Run): Promise<void> {
  await db.transaction('bulk', scope, async (tx) => {
    if (scope.workspaceId === defaultWorkspaceId) ensureWorkspace(tx, defaultWorkspaceId)
    await readWorkspace(tx, scope.workspaceId)
    const found = await tx.query<Pick<PersonRow, 'id' | 'role'>>(findParticipants, [
      scope.workspaceId,
      options.participants,
    ])
    const ids = new Set(found.map((row) => row.id))
    const missing = options.participants.filter((userId) => !ids.has(userId))
    if (missing.length > 0) throw invalidField('participants', `There is no such user: ${missing.join(', ')}`)
    requireFitting(
      options,
      found.map((row) => row.role),
      'participants',
    )
  })
}

function count(counts: ImportCounts, present: Present, plan: Plan): void {
  if (present.conversation.seq === 0) counts.conversations += 1
  counts.messages += plan.messages.length
  counts.quotes += plan.messages.filter((message) => message.replyTo !== null).length
  counts.faults += plan.faults.length
}

async function writeBatch(run: Run, batch: Batch, counts: ImportCounts, watch: ImportWatch): Promise<void> {
  counts.people += await writePeople(run, batch)
  const queue = batch.entries()
  const drain = async (): Promise<void> => {
    for (const [name, lines] of queue) {
      const [present, plan] = await writeConversation(run, name, lines)
      counts.read += lines.length
      count(counts, present, plan)
      for (const fault of plan.faults) watch.onFault(fault)
      watch.onProgress(counts)
    }
  }
  await Promise.all(Array.from({ length: writers }, drain))
}

/**
 * Brings messages of another system in, by the rules of sending them, in bulk: one transaction for each conversation of a
 * batch, under the conversation's lock. What is there already stays, so an import can be stopped at any point and run again.
 * @param services the database
 * @param workspaceId a workspace that exists, or the default one
 * @param options where it comes from and who is to see it
 * @param lines the file
 * @param watch is told of progress and of lines that could not be taken
 * @returns what was added
 * @throws ParleyError `not_found` for the workspace, `invalid` for people who are not there; `unavailable` when the database goes away; what was committed stays
 */
export async function importLines(
  { db }: Pick<Services, 'db'>,
  workspaceId: string,
  options: ImportOptions,
  lines: AsyncIterable<ImportLine | Fault>,
  watch: ImportWatch,
): Promise<ImportCounts> {
  const run: Run = { db, scope: { kind: 'system', workspaceId }, options }
  const counts: ImportCounts = { read: 0, conversations: 0, people: 0, messages: 0, quotes: 0, faults: 0 }
  await requireOptions(run)
  const batches = toBatches(lines, (fault) => {
    counts.faults += 1
    watch.onFault(fault)
  })
  for await (const batch of batches) await writeBatch(run, batch, counts, watch)
  return counts
}
