import { type Audience, ParleyError, type SystemEvent } from '@parley/protocol'
import { type Context, type Ids, type Services, scopeOf } from './context.ts'
import { type ConversationRow, conversationColumns } from './conversations/conversation.tables.ts'
import type { Tx } from './db/database.ts'
import { rowsStatement, withRows } from './db/rows.ts'
import { statement } from './db/statement.ts'
import type { MessageRow } from './messages/message.tables.ts'
import { type ParticipantRow, participantColumns } from './participants/participant.tables.ts'
import { type Change, hintsOf, Ledger, type Position } from './write-ledger.ts'

/** A locked conversation, open for changes until the work returns. */
export interface Writing {
  readonly tx: Tx
  /** The time that rows of this write bear; empty while it is not known yet: then the rows that are shown get it after the commit. */
  readonly at: string
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
  /** Hands on the row of a message that was inserted with its change, so that delivery need not read it. */
  show(message: MessageRow): void
  /** Says how many participants the work added (or, negative, removed), and who they are. */
  membership(delta: number, joined?: readonly string[]): void
}

const lock = statement(
  'write-lock',
  `select ${conversationColumns}, now()::timestamptz(3) as at from conversations c
   where c.workspace_id = $1 and c.id = $2 for update`,
)

/** Read in a statement of its own, which runs after the lock: a removal that committed while we waited is seen. */
const enter = statement(
  'write-enter',
  `select ${participantColumns}, set_config('parley.writing', p.conversation_id, true)
   from participants p join users u on u.workspace_id = p.workspace_id and u.id = p.user_id
   where p.workspace_id = $1 and p.conversation_id = $2 and p.user_id = $3
     and p.removed_at is null and u.deactivated_at is null`,
)

const openRows = statement('write-open', `select set_config('parley.writing', $1, true), now()::timestamptz(3) as at`)

/** A locked conversation, and the time of the transaction. */
export type LockedRow = ConversationRow & { readonly at: string }

/**
 * Lets the rest of a transaction write rows of one conversation: row-level security refuses it otherwise.
 * Only for who has been found to be in it, or makes it.
 * @returns the time that rows of this transaction bear
 */
export async function openForWriting(tx: Tx, conversationId: string): Promise<string> {
  const [row] = await tx.query<{ at: string }>(openRows, [conversationId])
  return row?.at ?? ''
}

const record = rowsStatement(
  'write-record',
  (rows) => `with head as (
     update conversations c set seq = h.seq, public_seq = h.public_seq,
       participant_count = c.participant_count + h.participants,
       activity_at = case when h.active then now() else c.activity_at end,
       public_activity_at = case when h.public_active then now() else c.public_activity_at end
     from ${rows.of(2, ['text', 'bigint', 'bigint', 'int', 'bool', 'bool'])}
       as h(id, seq, public_seq, participants, active, public_active)
     where c.workspace_id = $1 and c.id = h.id and c.id ${rows.equal(2)})
   insert into changes (workspace_id, conversation_id, seq, public_seq, type, actor_id, entity_id, audience)
   select $1, x.* from ${rows.of(8, ['text', 'bigint', 'bigint', 'text', 'text', 'text', 'text'])} as x`,
)

const insertTold = rowsStatement(
  'write-tell',
  (rows) => `insert into messages (workspace_id, id, conversation_id, seq, public_seq, sender_id, client_key, body_hash,
     kind, audience, text, system)
   select $1, x.id, x.conversation_id, x.seq, x.public_seq, x.sender_id, 'system:' || x.id, '', 'system', 'everyone', '',
     x.system
   from ${rows.of(2, ['text', 'text', 'bigint', 'bigint', 'text', 'jsonb'])}
     as x(id, conversation_id, seq, public_seq, sender_id, system)`,
)

/** Saves heads, change log and system messages of the conversations of one transaction. */
export function saveLedgers(tx: Tx, workspaceId: string, all: readonly Ledger[]): void {
  const ledgers = all.filter((ledger) => ledger.changes.length > 0)
  if (ledgers.length === 0) return
  const told = ledgers.flatMap((ledger) => ledger.told)
  if (told.length > 0) {
    const columns = [
      told.map((one) => one.id),
      told.map((one) => one.conversationId),
      told.map((one) => one.seq),
      told.map((one) => one.publicSeq),
      told.map((one) => one.senderId),
      told.map((one) => JSON.stringify(one.event)),
    ]
    tx.send(...withRows(insertTold, workspaceId, columns))
  }
  const changes = ledgers.flatMap((ledger) => ledger.changes)
  const columns = [
    ledgers.map((ledger) => ledger.conversationId),
    ledgers.map((ledger) => ledger.seq),
    ledgers.map((ledger) => ledger.publicSeq),
    ledgers.map((ledger) => ledger.participants),
    ledgers.map((ledger) => ledger.active),
    ledgers.map((ledger) => ledger.publicActive),
    changes.map((change) => change.conversationId),
    changes.map((change) => change.seq),
    changes.map((change) => change.publicSeq),
    changes.map((change) => change.type),
    changes.map((change) => change.actorId),
    changes.map((change) => change.entityId),
    changes.map((change) => change.audience),
  ]
  tx.send(...withRows(record, workspaceId, columns))
}

/** What a write works on. */
export type Opened = Pick<Writing, 'at' | 'conversation' | 'participant'>

/** One for each message that is sent, so it is lean. */
export class LedgerWriting implements Writing {
  readonly tx: Tx
  readonly at: string
  readonly conversation: ConversationRow
  readonly participant: ParticipantRow
  readonly #ledger: Ledger
  readonly #ids: Ids

  constructor(tx: Tx, { at, conversation, participant }: Opened, ledger: Ledger, ids: Ids) {
    this.tx = tx
    this.at = at
    this.conversation = conversation
    this.participant = participant
    this.#ledger = ledger
    this.#ids = ids
  }

  emit(change: Change): Position {
    return this.#ledger.emit(this.participant.user_id, change)
  }

  tell(event: SystemEvent): void {
    this.#ledger.tell(this.participant.user_id, this.#ids(), event)
  }

  touch(audience: Audience): void {
    this.#ledger.touch(audience)
  }

  show(message: MessageRow): void {
    this.#ledger.shown.push(message)
  }

  membership(delta: number, joined?: readonly string[]): void {
    this.#ledger.membership(delta, joined)
  }
}

/** Hints the delivery that a write has committed. */
export function publish({ bus }: Pick<Services, 'bus'>, workspaceId: string, ledgers: Iterable<Ledger>): void {
  for (const hint of hintsOf(workspaceId, [...ledgers])) bus.publish(hint)
}

async function inLedger<Result>(
  ctx: Context,
  open: (tx: Tx) => Promise<Opened>,
  work: (writing: Writing) => Promise<Result>,
): Promise<Result> {
  const { workspaceId } = ctx.actor
  const { ledger, result } = await ctx.db.transaction('write', scopeOf(ctx.actor), async (tx) => {
    const opened = await open(tx)
    const current = new Ledger(opened.conversation)
    const answer = await work(new LedgerWriting(tx, opened, current, ctx.ids))
    saveLedgers(tx, workspaceId, [current])
    return { ledger: current, result: answer }
  })
  publish(ctx, workspaceId, [ledger])
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
    async (tx) => {
      const [[conversation], [participant]] = await Promise.all([
        tx.query<LockedRow>(lock, [workspaceId, conversationId]),
        tx.query<ParticipantRow>(enter, [workspaceId, conversationId, userId]),
      ])
      if (!conversation || !participant) throw new ParleyError('not_found')
      return { at: conversation.at, conversation, participant }
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
    async (tx) => {
      const at = await openForWriting(tx, conversation.id)
      return { at, conversation, participant }
    },
    work,
  )
}
