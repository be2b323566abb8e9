import type { Conversation, DurableEvent, Profile } from '@parley/protocol'
import type { Line } from '../actor.ts'
import { type ConversationRow, conversationColumns, toConversation } from '../conversations/conversation.tables.ts'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { readMessages } from '../messages/message.service.ts'
import { type MessageRow, toMessage } from '../messages/message.tables.ts'
import { type ParticipantRow, participantColumns, toParticipant } from '../participants/participant.tables.ts'
import { readProfiles } from '../users/user.service.ts'
import type { ChangeRow } from './change.tables.ts'

const findConversation = statement(
  'materialize-conversation',
  `select ${conversationColumns} from conversations c where c.workspace_id = $1 and c.id = $2`,
)

const findParticipants = statement(
  'materialize-participants',
  `select ${participantColumns} from participants p
   where p.workspace_id = $1 and p.conversation_id = $2 and p.user_id = any($3)`,
)

/** The present state of everything a run of changes refers to. */
export interface Entities {
  readonly conversationId: string
  readonly conversation: Conversation | null
  readonly messages: ReadonlyMap<string, MessageRow>
  readonly participants: ReadonlyMap<string, ParticipantRow>
  readonly profiles: ReadonlyMap<string, Profile>
}

/** Who is to see an event. */
export interface Viewer {
  readonly line: Line
  /** Where the viewer's history starts, in the team's line. */
  readonly fromSeq: number
}

function idsOf(changes: readonly ChangeRow[], types: readonly string[]): string[] {
  return [...new Set(changes.filter((change) => types.includes(change.type)).map((change) => change.entity_id))]
}

function byId<Row>(rows: readonly Row[], key: (row: Row) => string): Map<string, Row> {
  return new Map(rows.map((row) => [key(row), row]))
}

/**
 * Reads the messages that changes show, of one conversation or of many, as they are now: deleted text cannot come back out of the log.
 * @param tx a transaction that may see them
 */
export async function readShown(
  tx: Tx,
  workspaceId: string,
  changes: readonly ChangeRow[],
): Promise<ReadonlyMap<string, MessageRow>> {
  const ids = idsOf(changes, ['new-message', 'message-updated', 'message-deleted'])
  return byId(await readMessages(tx, workspaceId, ids), (message) => message.id)
}

/**
 * Reads what else changes of one conversation refer to, as it is now.
 * @param tx a transaction that may see the conversation
 * @param changes rows of that conversation's log
 * @param messages what they show
 */
export async function readEntities(
  tx: Tx,
  workspaceId: string,
  conversationId: string,
  changes: readonly ChangeRow[],
  messages: ReadonlyMap<string, MessageRow>,
): Promise<Entities> {
  const people = idsOf(changes, ['participant-added', 'participant-updated'])
  const participants =
    people.length === 0 ? [] : await tx.query<ParticipantRow>(findParticipants, [workspaceId, conversationId, people])
  const whole = idsOf(changes, ['conversation-created', 'conversation-updated', 'participant-added']).length > 0
  const [row] = whole ? await tx.query<ConversationRow>(findConversation, [workspaceId, conversationId]) : []
  return {
    conversationId,
    conversation: row ? toConversation(row) : null,
    messages,
    participants: byId(participants, (participant) => participant.user_id),
    profiles: byId(await readProfiles(tx, workspaceId, people), (profile) => profile.id),
  }
}

type Body = DurableEvent extends infer Event
  ? Event extends DurableEvent
    ? Pick<Event, 'type' | 'data'>
    : never
  : never

function bodyOf(change: ChangeRow, entities: Entities, viewer: Viewer): Body | null {
  const { type, entity_id: entityId } = change
  switch (type) {
    case 'conversation-created':
    case 'conversation-updated':
      return entities.conversation && { type, data: { conversation: entities.conversation } }
    case 'participant-removed':
      return { type, data: { userId: entityId } }
    case 'participant-added': {
      const [row, user] = [entities.participants.get(entityId), entities.profiles.get(entityId)]
      return row && user ? { type, data: { participant: toParticipant(row, viewer.line), user } } : null
    }
    case 'participant-updated': {
      const row = entities.participants.get(entityId)
      return row ? { type, data: { participant: toParticipant(row, viewer.line) } } : null
    }
    case 'new-message':
    case 'message-updated':
    case 'message-deleted': {
      const row = entities.messages.get(entityId)
      if (!row || row.seq < viewer.fromSeq) return null
      return { type, data: { message: toMessage(row, viewer.line, viewer.fromSeq) } }
    }
  }
}

/**
 * The event a viewer gets for a change, numbered in his line; null when he may not see it.
 * @param change a row of the log
 * @param entities what {@link readEntities} read for it
 * @param viewer his line and where his history starts
 */
export function toEvent(change: ChangeRow, entities: Entities, viewer: Viewer): DurableEvent | null {
  const seq = viewer.line === 'team' ? change.seq : change.public_seq
  if (seq === null || change.seq < viewer.fromSeq) return null
  const body = bodyOf(change, entities, viewer)
  if (!body) return null
  return {
    ...body,
    conversationId: entities.conversationId,
    seq,
    prev: seq - 1,
    actorId: change.actor_id,
    at: change.created_at,
  }
}
