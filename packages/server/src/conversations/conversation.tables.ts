import type { Conversation, ConversationKind, ConversationStatus } from '@parley/protocol'
import type { Line } from '../actor.ts'

/** A row of `conversations`. */
export interface ConversationRow {
  readonly id: string
  readonly kind: ConversationKind
  readonly direct: boolean
  readonly subject: string | null
  readonly context_type: string | null
  readonly context_id: string | null
  readonly context_title: string | null
  readonly context_url: string | null
  readonly status: ConversationStatus
  readonly created_by: string
  readonly created_at: string
  readonly seq: number
  readonly public_seq: number
  readonly participant_count: number
  readonly activity_at: string
  readonly public_activity_at: string
}

/** The columns of a {@link ConversationRow}, of a table named `c`. */
export const conversationColumns = `c.id, c.kind, c.direct, c.subject, c.context_type, c.context_id, c.context_title,
  c.context_url, c.status, c.created_by, c.created_at, c.seq, c.public_seq, c.participant_count, c.activity_at,
  c.public_activity_at`

/** Joins the conversation `c` of each participant `p`. */
export const conversationOfParticipant = `cross join lateral (
  select * from conversations where workspace_id = p.workspace_id and id = p.conversation_id offset 0) c`

/** A row as it goes over the wire. */
export function toConversation(row: ConversationRow): Conversation {
  return {
    id: row.id,
    kind: row.kind,
    direct: row.direct,
    subject: row.subject,
    context:
      row.context_type === null || row.context_id === null
        ? null
        : { type: row.context_type, id: row.context_id, title: row.context_title ?? '', url: row.context_url },
    status: row.status,
    createdBy: row.created_by,
    createdAt: row.created_at,
  }
}

/** The head of a conversation in a line. */
export function headIn(row: Pick<ConversationRow, 'seq' | 'public_seq'>, line: Line): number {
  return line === 'team' ? row.seq : row.public_seq
}
