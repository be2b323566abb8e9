import { type Audience, type EventType, ParleyError, type SystemEvent } from '@parley/protocol'
import { type Context, scopeOf } from './context.ts'
import { type ConversationRow, conversationColumns } from './conversations/conversation.tables.ts'
import { statement, type Tx } from './db/database.ts'
import { type ParticipantRow, participantColumns } from './participants/participant.tables.ts'

/** A change to be written: what kind, and which entity's present state it shows. */
export interface Change {
  readonly type: EventType
  /** Id of the message, the user or the conversation that changed. */
  readonly entityId: string
  readonly audience?: Audience
}

/** Where a change stands in the two lines of its conversation; a note has no place in the public one. */
export interface Position {
  readonly seq: number
  readonly publicSeq: number | null
}

/** A locked conversation, open for changes until the work returns. */
export interface Writing {
  readonly tx: Tx
  /** The conversation as it was when the lock was taken. */
  readonly conversation: ConversationRow
  /** The actor's own participation, read after the lock. */
  readonly participant: ParticipantRow
  /** Takes the next place in the lines; the change is committed together with all rows. */
  emit(change: Change): Position
  /** Tells in the conversation what happened to it, as a system message. */
  tell(event: SystemEvent): void
  /** Says that a message by a person came in: the conversation moves up in the lists of those who may see it. */
  touch(audience: Audience): void
  /** Says how many participants the work added (or, negative, removed), and who they are. */
  membership(delta: number, joined?: readonly string[]): void
}

interface Numbered extends Required<Change>, Position {}

const lock = statement(
  'write-lock',
  `select ${conversationColumns} from conversations c where c.workspace_id = $1 and c.id = $2 for update`,
)

/** Read in a statement of its own, after the lock: a removal that committed while we waited is seen. */
const enter = statement(
  'write-enter',
  `select ${participantColumns}, set_config('parley.writing', p.conversation_id, true)
   from participants p join users u on u.workspace_id = p.workspace_id and u.id = p.user_id
   where p.workspace_id = $1 and p.conversation_id = $2 and p.user_id = $3
     and p.removed_at is null and u.deactivated_at is null`,
)

const openRows = statement('write-open', `select set_config('parley.writing', $1, true)`)

/**
 * Lets the rest of a transaction write rows of one conversation: row-level security refuses it otherwise.
 * Only for who has been found to be in it, or makes it.
 */
export async function openForWriting(tx: Tx, conversationId: string): Promise<void> {
  await tx.query(openRows, [conversationId])
}

const record = statement(
  'write-record',
  `with head as (
     update conversations set seq = $3, public_seq = $4, participant_count = participant_count + $5,
       activity_at = case when $6 then now() else activity_at end,
       public_activity_at = case when $7 then now() else public_activity_at end
     where workspace_id = $1 and id = $2)
   insert into changes (workspace_id, conversation_id, seq, public_seq, type, actor_id, entity_id, audience)
   select $1, $2, x.seq, x.public_seq, x.type, $8, x.entity_id, x.audience
   from unnest($9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[])
     as x(seq, public_seq, type, entity_id, audience)`,
)

const insertTold = statement(
  'write-tell',
  `insert into messages (workspace_id, id, conversation_id, seq, public_seq, sender_id, client_key, body_hash, kind,
     audience, text, system)
   select $1, x.id, $2, x.seq, x.public_seq, $3, 'system:' || x.id, '', 'system', 'everyone', '', x.system
   from unnest($4::text[], $5::bigint[], $6::bigint[], $7::jsonb[]) as x(id, seq, public_seq, system)`,
)

interface Told extends Position {
  readonly id: string
  readonly event: SystemEvent
}

class Ledger {
  readonly changes: Numbered[] = []
  readonly told: Told[] = []
  readonly joined: string[] = []
  readonly from: number
  seq: number
  publicSeq: number
  participants = 0
  active = false
  publicActive = false

  constructor(start: Pick<ConversationRow, 'seq' | 'public_seq'>) {
    this.from = start.seq
    this.seq = start.seq
    this.publicSeq = start.public_seq
  }

  emit({ type, entityId, audience = 'everyone' }: Change): Position {
    this.seq += 1
    if (audience === 'everyone') this.publicSeq += 1
    const position = { seq: this.seq, publicSeq: audience === 'everyone' ? this.publicSeq : null }
    this.changes.push({ type, entityId, audience, ...position })
    return position
  }

  tell(id: string, event: SystemEvent): void {
    this.told.push({ id, event, ...this.emit({ type: 'new-message', entityId: id }) })
  }

  touch(audience: Audience): void {
    this.active = true
    if (audience === 'everyone') this.publicActive = true
  }

  membership(delta: number, joined: readonly string[] = []): void {
    this.participants += delta
    this.joined.push(...joined)
  }

  async save(tx: Tx, workspaceId: string, conversationId: string, actorId: string): Promise<void> {
    if (this.told.length > 0) {
      await tx.query(insertTold, [
        workspaceId,
        conversationId,
        actorId,
        this.told.map((told) => told.id),
        this.told.map((told) => told.seq),
        this.told.map((told) => told.publicSeq),
        this.told.map((told) => JSON.stringify(told.event)),
      ])
    }
    await tx.query(record, [
      workspaceId,
      conversationId,
      this.seq,
      this.publicSeq,
      this.participants,
      this.active,
      this.publicActive,
      actorId,
      this.changes.map((change) => change.seq),
      this.changes.map((change) => change.publicSeq),
      this.changes.map((change) => change.type),
      this.changes.map((change) => change.entityId),
      this.changes.map((change) => change.audience),
    ])
  }
}

async function inLedger<Result>(
  ctx: Context,
  conversationId: string,
  open: (tx: Tx) => Promise<{ conversation: ConversationRow; participant: ParticipantRow }>,
  work: (writing: Writing) => Promise<Result>,
): Promise<Result> {
  const { workspaceId, userId } = ctx.actor
  let ledger: Ledger | undefined
  const result = await ctx.db.transaction('write', scopeOf(ctx.actor), async (tx) => {
    const opened = await open(tx)
    const current = new Ledger(opened.conversation)
    const answer = await work({
      tx,
      ...opened,
      emit: (change) => current.emit(change),
      tell: (event) => current.tell(ctx.ids(), event),
      touch: (audience) => current.touch(audience),
      membership: (delta, joined) => current.membership(delta, joined),
    })
    if (current.changes.length > 0) await current.save(tx, workspaceId, conversationId, userId)
    ledger = current
    return answer
  })
  if (ledger && ledger.changes.length > 0) {
    ctx.bus.publish({ workspaceId, conversationId, from: ledger.from, seq: ledger.seq, joined: ledger.joined })
  }
  return result
}

/**
 * The one way to change a conversation: lock it, check the actor's participation after the lock, do the work, then commit rows
 * and change log together, and only then hint the delivery. The lock is the order (delivery G4).
 * @param ctx who acts
 * @param conversationId the conversation to lock
 * @param work changes rows through `tx` and names each change with `emit`; no network calls, few round trips
 * @returns what the work returned, after the commit
 * @throws ParleyError `not_found` when the actor is not in the conversation
 */
export function write<Result>(
  ctx: Context,
  conversationId: string,
  work: (writing: Writing) => Promise<Result>,
): Promise<Result> {
  const { workspaceId, userId } = ctx.actor
  return inLedger(
    ctx,
    conversationId,
    async (tx) => {
      const [conversation] = await tx.query<ConversationRow>(lock, [workspaceId, conversationId])
      if (!conversation) throw new ParleyError('not_found')
      const [participant] = await tx.query<ParticipantRow>(enter, [workspaceId, conversationId, userId])
      if (!participant) throw new ParleyError('not_found')
      return { conversation, participant }
    },
    work,
  )
}

/**
 * {@link write} for a conversation that does not exist yet: the work inserts its rows.
 * @param ctx who acts
 * @param conversation the row the work will insert, with empty lines
 * @param participant the actor's own row the work will insert
 */
export function writeNew<Result>(
  ctx: Context,
  conversation: ConversationRow,
  participant: ParticipantRow,
  work: (writing: Writing) => Promise<Result>,
): Promise<Result> {
  return inLedger(
    ctx,
    conversation.id,
    async (tx) => {
      await openForWriting(tx, conversation.id)
      return { conversation, participant }
    },
    work,
  )
}
