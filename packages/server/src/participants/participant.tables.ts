import type { Participant } from '@parley/protocol'
import type { Line } from '../actor.ts'

/** A row of `participants` of somebody who is in the conversation. */
export interface ParticipantRow {
  readonly conversation_id: string
  readonly user_id: string
  readonly role: 'owner' | 'member'
  readonly joined_at: string
  readonly from_seq: number
  readonly read_seq: number
  readonly read_public_seq: number
  readonly delivered_seq: number
  readonly delivered_public_seq: number
}

/** The columns of a {@link ParticipantRow}, of a table named `p`. */
export const participantColumns = `p.conversation_id, p.user_id, p.role, p.joined_at, p.from_seq, p.read_seq,
  p.read_public_seq, p.delivered_seq, p.delivered_public_seq`

/** A row as it goes over the wire to a viewer of a line. */
export function toParticipant(row: ParticipantRow, line: Line): Participant {
  return {
    userId: row.user_id,
    role: row.role,
    joinedAt: row.joined_at,
    readSeq: line === 'team' ? row.read_seq : row.read_public_seq,
    deliveredSeq: line === 'team' ? row.delivered_seq : row.delivered_public_seq,
  }
}
