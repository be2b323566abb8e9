import { type ConversationSnapshot, limits } from '@parley/protocol'
import type { Line } from '../actor.ts'
import {
  type ConversationRow,
  conversationColumns,
  conversationOfParticipant,
  headIn,
  toConversation,
} from '../conversations/conversation.tables.ts'
import { type MessageRow, seqColumn, toMessage } from '../messages/message.tables.ts'
import { type ParticipantRow, participantColumns, toParticipant } from '../participants/participant.tables.ts'

/** A conversation with what its viewer's list row shows. */
export interface SnapshotRow extends ConversationRow, ParticipantRow {
  readonly unread: number
  readonly last_message: string | null
}

/** The column that orders the list of a viewer of a line. */
export function activityColumn(line: Line): 'activity_at' | 'public_activity_at' {
  return line === 'team' ? 'activity_at' : 'public_activity_at'
}

/** Condition on messages `m` that participant `p` of conversation `c` may see. */
function visible(line: Line): string {
  return `m.workspace_id = c.workspace_id and m.conversation_id = c.id and m.${seqColumn(line)} is not null
    and m.seq >= p.from_seq and m.kind <> 'system'`
}

/** Condition on messages `m` that participant `p` of conversation `c` has not read. */
export function unreadBy(line: Line): string {
  const read = line === 'team' ? 'read_seq' : 'read_public_seq'
  return `${visible(line)} and m.${seqColumn(line)} > p.${read} and m.sender_id <> p.user_id and m.deleted_at is null`
}

/** `select` of {@link SnapshotRow} for participants `p`, where they are taken from to follow, and then conditions. */
export function snapshotSelect(line: Line, participants: string): string {
  return `select ${conversationColumns}, ${participantColumns}, unread.unread, last_message.id as last_message
    from ${participants}
    ${conversationOfParticipant}
    cross join lateral (select count(*)::int as unread from (
      select 1 from messages m where ${unreadBy(line)} limit ${limits.unreadCounted}) counted) unread
    left join lateral (
      select m.id from messages m where ${visible(line)} order by m.${seqColumn(line)} desc limit 1) last_message on true`
}

/** Embedded participants of conversations `$2` in workspace `$1`: the first ones of each, viewer `$3` always among them. */
export const embeddedParticipants = `select p.* from unnest($2::text[]) as x(conversation_id)
  cross join lateral (select ${participantColumns} from participants p
    where p.workspace_id = $1 and p.conversation_id = x.conversation_id and p.removed_at is null
    order by p.user_id <> $3, p.joined_at, p.user_id limit ${limits.participantsEmbedded}) p
  order by p.conversation_id, p.joined_at, p.user_id`

/** A row as it goes over the wire to its viewer. */
export function toSnapshot(
  row: SnapshotRow,
  line: Line,
  participants: readonly ParticipantRow[],
  lastMessage: MessageRow | undefined,
): ConversationSnapshot {
  return {
    conversation: toConversation({ ...row, id: row.conversation_id }),
    seq: headIn(row, line),
    participants: participants.map((participant) => toParticipant(participant, line)),
    participantCount: row.participant_count,
    unread: row.unread,
    lastMessage: lastMessage ? toMessage(lastMessage, line, row.from_seq) : null,
    activityAt: row[activityColumn(line)],
  }
}
