import type { Audience, Message, SystemEvent } from '@parley/protocol'
import type { Line } from '../actor.ts'

/** A row of `messages` with the beginning of the message it cites. */
export interface MessageRow {
  readonly id: string
  readonly conversation_id: string
  readonly seq: number
  readonly public_seq: number | null
  readonly sender_id: string
  readonly client_key: string
  readonly body_hash: string
  readonly kind: Message['kind']
  readonly audience: Audience
  readonly text: string
  readonly system: SystemEvent | null
  created_at: string
  readonly edited_at: string | null
  readonly deleted_at: string | null
  readonly deleted_by: string | null
  readonly quote_id: string | null
  readonly quote_seq: number | null
  readonly quote_public_seq: number | null
  readonly quote_sender_id: string | null
  readonly quote_audience: Audience | null
  readonly quote_text: string | null
  readonly quote_deleted: boolean | null
}

/** The columns of a {@link MessageRow}, of {@link messageTables}. */
export const messageColumns = `m.id, m.conversation_id, m.seq, m.public_seq, m.sender_id, m.client_key, m.body_hash,
  m.kind, m.audience, m.text, m.system, m.created_at, m.edited_at, m.deleted_at, m.deleted_by, q.id as quote_id,
  q.seq as quote_seq, q.public_seq as quote_public_seq, q.sender_id as quote_sender_id, q.audience as quote_audience,
  left(q.text, 200) as quote_text, q.deleted_at is not null as quote_deleted`

const quotes = `left join lateral (
  select * from messages where workspace_id = m.workspace_id and id = m.reply_to offset 0) q on true`

/** Messages `m`, each with the message `q` it cites. */
export const messageTables = `messages m ${quotes}`

/** As {@link messageTables}, of workspace `$1` the messages `$2`. */
export const chosenMessageTables = `unnest($2::text[]) as x(id)
  cross join lateral (select * from messages where workspace_id = $1 and id = x.id offset 0) m ${quotes}`

/** The column that numbers messages in a line. */
export function seqColumn(line: Line): 'seq' | 'public_seq' {
  return line === 'team' ? 'seq' : 'public_seq'
}

function toQuote(row: MessageRow, line: Line, fromSeq: number): Message['quote'] {
  if (row.quote_id === null || row.quote_seq === null || row.quote_seq < fromSeq) return null
  return {
    messageId: row.quote_id,
    seq: (line === 'team' ? row.quote_seq : row.quote_public_seq) ?? 0,
    senderId: row.quote_sender_id ?? '',
    audience: row.quote_audience ?? 'everyone',
    text: row.quote_text ?? '',
    deleted: row.quote_deleted ?? false,
  }
}

/**
 * A row as it goes over the wire.
 * @param line the viewer's line: it numbers the message
 * @param fromSeq where the viewer's history starts, in the team's line: an older message is not cited to him
 */
export function toMessage(row: MessageRow, line: Line, fromSeq = 0): Message {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    seq: (line === 'team' ? row.seq : row.public_seq) ?? 0,
    clientKey: row.client_key,
    senderId: row.sender_id,
    kind: row.kind,
    audience: row.audience,
    text: row.text,
    quote: toQuote(row, line, fromSeq),
    system: row.system,
    createdAt: row.created_at,
    editedAt: row.edited_at,
    deletedAt: row.deleted_at,
    deletedBy: row.deleted_by,
  }
}
