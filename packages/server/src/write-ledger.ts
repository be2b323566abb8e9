import type { Audience, EventType, SystemEvent } from '@parley/protocol'
import type { Fresh, Hint } from './bus.ts'
import type { ConversationRow } from './conversations/conversation.tables.ts'
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

  /** Gives the rows that are shown their time. */
  date(at: string): void {
    for (const row of this.shown) row.created_at = at
  }

  membership(delta: number, joined: readonly string[] = []): void {
    this.participants += delta
    this.joined.push(...joined)
  }
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
