import type { ChangesPage, DurableEvent, ParsedInput } from '@parley/protocol'
import { type Actor, type Line, lineOf } from '../actor.ts'
import { type Context, type Services, scopeOf } from '../context.ts'
import { type Access, accessConversation } from '../conversations/conversation.policy.ts'
import { headIn } from '../conversations/conversation.tables.ts'
import type { Tx } from '../db/database.ts'
import { type Statement, statement } from '../db/statement.ts'
import { type ChangeRow, changeColumns } from './change.tables.ts'
import { type Entities, readEntities, readShown, toEvent } from './materialize.service.ts'

function pageStatement(line: Line): Statement {
  const column = line === 'team' ? 'seq' : 'public_seq'
  return statement(
    `changes-${line}`,
    `select ${changeColumns} from changes
     where workspace_id = $1 and conversation_id = $2 and ${column} > $3 and ${column} is not null
     order by ${column} limit $4`,
  )
}

const statements: Record<Line, Statement> = { team: pageStatement('team'), public: pageStatement('public') }

/** Events for a viewer after a position, and up to where they account. */
export interface Stretch {
  readonly items: DurableEvent[]
  readonly seq: number
  readonly more: boolean
}

/**
 * What a viewer missed in a conversation he has access to.
 * @param after the last position he has accounted for, in his line
 * @param limit how many changes to read at most
 * @returns null when the log does not go back that far: what comes first is neither the next change nor the one that the viewer's history begins with
 */
export async function readStretch(
  tx: Tx,
  actor: Actor,
  access: Access,
  after: number,
  limit: number,
): Promise<Stretch | null> {
  const line = lineOf(actor)
  const { conversation, participant } = access
  const head = headIn(conversation, line)
  if (after >= head) return { items: [], seq: head, more: false }
  const values = [actor.workspaceId, conversation.id, after, limit]
  const changes = await tx.query<ChangeRow>(statements[line], values)
  const positions = changes.map((change) => (line === 'team' ? change.seq : change.public_seq))
  const isWhole = positions[0] === after + 1 || changes[0]?.seq === participant.from_seq
  if (!isWhole) return null
  const shown = await readShown(tx, actor.workspaceId, changes)
  const entities = await readEntities(tx, actor.workspaceId, conversation.id, changes, shown)
  const viewer = { line, fromSeq: participant.from_seq }
  const full = changes.length === limit
  return {
    items: changes.map((change) => toEvent(change, entities, viewer)).filter((event) => event !== null),
    seq: full ? (positions.at(-1) ?? head) : head,
    more: full,
  }
}

/**
 * Every change after a position that the viewer may see, in order. A cursor ahead of the head belongs to another database, one before the
 * beginning of the log is too old: resync.
 * @throws ParleyError `not_found` outside of the conversation
 */
export function listChanges(ctx: Context, input: ParsedInput<'listChanges'>): Promise<ChangesPage> {
  const { actor, db } = ctx
  return db.transaction('read', scopeOf(actor), async (tx) => {
    const access = await accessConversation(tx, actor, input.conversationId)
    const head = headIn(access.conversation, lineOf(actor))
    const stretch = input.after > head ? null : await readStretch(tx, actor, access, input.after, input.limit)
    if (stretch === null) return { status: 'resync', epoch: db.epoch, items: [], seq: head, more: false }
    return { status: 'ok', epoch: db.epoch, ...stretch }
  })
}

/** Rows of the log with what they refer to, for delivery to whoever is there. */
export interface Batch {
  readonly changes: readonly ChangeRow[]
  readonly entities: Entities
}

/** Whose log is asked for, and from where. */
export interface Ask {
  readonly conversationId: string
  /** The last change that was delivered, in the team's line. */
  readonly after: number
}

const rowsAtOnce = { all: 2_000, one: 200 } as const

const nextChanges = statement(
  'changes-next',
  `select x.place::int, c.* from unnest($2::text[], $3::bigint[]) with ordinality as x(conversation_id, after, place)
   cross join lateral (select ${changeColumns} from changes
     where workspace_id = $1 and conversation_id = x.conversation_id and seq > x.after order by seq limit $4) c
   order by x.place, c.seq`,
)

/**
 * The next changes of several conversations' logs, for delivery, all at one moment. Reads as the system: who may see which is decided per viewer.
 * @returns a batch for each, in their order
 */
export function readBatches({ db }: Pick<Services, 'db'>, workspaceId: string, asks: readonly Ask[]): Promise<Batch[]> {
  const [ids, afters] = [asks.map((ask) => ask.conversationId), asks.map((ask) => ask.after)]
  const limit = Math.min(rowsAtOnce.one, Math.ceil(rowsAtOnce.all / asks.length))
  return db.transaction('read', { kind: 'system', workspaceId }, async (tx) => {
    const rows = await tx.query<ChangeRow & { place: number }>(nextChanges, [workspaceId, ids, afters, limit])
    const shown = await readShown(tx, workspaceId, rows)
    const logs = Map.groupBy(rows, (row) => row.place)
    return Promise.all(
      ids.map(async (id, index) => {
        const changes = logs.get(index + 1) ?? []
        return { changes, entities: await readEntities(tx, workspaceId, id, changes, shown) }
      }),
    )
  })
}

const members = statement(
  'feed-members',
  'select user_id, from_seq from participants where workspace_id = $1 and conversation_id = $2 and removed_at is null',
)

/** Everybody in a conversation as it is now, with where their history starts. Reads as the system. */
export async function readMembers(
  { db }: Pick<Services, 'db'>,
  workspaceId: string,
  conversationId: string,
): Promise<ReadonlyMap<string, number>> {
  const rows = await db.read<{ user_id: string; from_seq: number }>({ kind: 'system', workspaceId }, members, [
    workspaceId,
    conversationId,
  ])
  return new Map(rows.map((row) => [row.user_id, row.from_seq]))
}
