import type { Audience, EventType, SystemEvent } from '@parley/protocol'
import type { Fresh, Hint } from './bus.ts'
import type { ConversationRow } from './conversations/conversation.tables.ts'
import { statement, type Tx } from './db/database.ts'
import type { MessageRow } from './messages/message.tables.ts'

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

interface Numbered extends Required<Change>, Position {
  readonly conversationId: string
  readonly actorId: string
}

interface Told extends Position {
  readonly id: string
  readonly conversationId: string
  readonly senderId: string
  readonly event: SystemEvent
}

/** What a write does to one conversation, gathered until it is saved. */
export class Ledger {
  readonly conversationId: string
  readonly changes: Numbered[] = []
  readonly told: Told[] = []
  readonly joined: string[] = []
  readonly shown: MessageRow[] = []
  readonly from: number
  seq: number
  publicSeq: number
  participants = 0
  active = false
  publicActive = false

  constructor(start: Pick<ConversationRow, 'id' | 'seq' | 'public_seq'>) {
    this.conversationId = start.id
    this.from = start.seq
    this.seq = start.seq
    this.publicSeq = start.public_seq
  }

  emit(actorId: string, { type, entityId, audience = 'everyone' }: Change): Position {
    this.seq += 1
    if (audience === 'everyone') this.publicSeq += 1
    const position = { seq: this.seq, publicSeq: audience === 'everyone' ? this.publicSeq : null }
    this.changes.push({ conversationId: this.conversationId, actorId, type, entityId, audience, ...position })
    return position
  }

  tell(actorId: string, id: string, event: SystemEvent): void {
    const position = this.emit(actorId, { type: 'new-message', entityId: id })
    this.told.push({ id, conversationId: this.conversationId, senderId: actorId, event, ...position })
  }

  touch(audience: Audience): void {
    this.active = true
    if (audience === 'everyone') this.publicActive = true
  }

  membership(delta: number, joined: readonly string[] = []): void {
    this.participants += delta
    this.joined.push(...joined)
  }
}

const record = statement(
  'write-record',
  `with head as (
     update conversations c set seq = h.seq, public_seq = h.public_seq,
       participant_count = c.participant_count + h.participants,
       activity_at = case when h.active then now() else c.activity_at end,
       public_activity_at = case when h.public_active then now() else c.public_activity_at end
     from unnest($2::text[], $3::bigint[], $4::bigint[], $5::int[], $6::bool[], $7::bool[])
       as h(id, seq, public_seq, participants, active, public_active)
     where c.workspace_id = $1 and c.id = h.id)
   insert into changes (workspace_id, conversation_id, seq, public_seq, type, actor_id, entity_id, audience)
   select $1, x.conversation_id, x.seq, x.public_seq, x.type, x.actor_id, x.entity_id, x.audience
   from unnest($8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[])
     as x(conversation_id, seq, public_seq, type, actor_id, entity_id, audience)`,
)

const insertTold = statement(
  'write-tell',
  `insert into messages (workspace_id, id, conversation_id, seq, public_seq, sender_id, client_key, body_hash, kind,
     audience, text, system)
   select $1, x.id, x.conversation_id, x.seq, x.public_seq, x.sender_id, 'system:' || x.id, '', 'system', 'everyone', '',
     x.system
   from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::jsonb[])
     as x(id, conversation_id, seq, public_seq, sender_id, system)`,
)

/** Saves heads, change log and system messages of the conversations of one transaction. */
export async function saveLedgers(tx: Tx, workspaceId: string, all: readonly Ledger[]): Promise<void> {
  const ledgers = all.filter((ledger) => ledger.changes.length > 0)
  if (ledgers.length === 0) return
  const told = ledgers.flatMap((ledger) => ledger.told)
  if (told.length > 0) {
    await tx.query(insertTold, [
      workspaceId,
      told.map((one) => one.id),
      told.map((one) => one.conversationId),
      told.map((one) => one.seq),
      told.map((one) => one.publicSeq),
      told.map((one) => one.senderId),
      told.map((one) => JSON.stringify(one.event)),
    ])
  }
  const changes = ledgers.flatMap((ledger) => ledger.changes)
  await tx.query(record, [
    workspaceId,
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
  ])
}

function freshOf({ changes, shown }: Ledger): Fresh | undefined {
  if (shown.length === 0 || shown.length !== changes.length) return undefined
  const at = shown[0]?.created_at ?? ''
  return {
    messages: shown,
    changes: changes.map(({ seq, publicSeq, type, actorId, entityId, audience }) => {
      return { seq, public_seq: publicSeq, type, actor_id: actorId, entity_id: entityId, audience, created_at: at }
    }),
  }
}

/** Says how far saved conversations have moved, with the new messages themselves where there is nothing else to show. */
export function hintsOf(workspaceId: string, ledgers: readonly Ledger[]): Hint[] {
  return ledgers
    .filter((ledger) => ledger.changes.length > 0)
    .map((ledger) => {
      const { conversationId, from, seq, joined } = ledger
      const fresh = freshOf(ledger)
      return { workspaceId, conversationId, from, seq, joined, ...(fresh ? { fresh } : {}) }
    })
}
