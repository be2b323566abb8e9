import { type Conversation, ParleyError } from '@parley/protocol'
import type { Actor } from '../actor.ts'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { type ParticipantRow, participantColumns } from '../participants/participant.tables.ts'
import { type ConversationRow, conversationColumns, conversationOfParticipant } from './conversation.tables.ts'

/** A conversation as its viewer may see it. */
export interface Access {
  readonly conversation: ConversationRow
  readonly participant: ParticipantRow
}

/** The same, with what the cache goes by. */
export interface VersionedAccess extends Access {
  /** The version of all profiles in the workspace. */
  readonly peopleVersion: number
}

type AccessRow = ConversationRow & ParticipantRow & { readonly people_version: number }

const find = statement(
  'conversation-access',
  `select ${conversationColumns}, ${participantColumns}, w.people_version
   from participants p
   ${conversationOfParticipant}
   join workspaces w on w.id = p.workspace_id
   where p.workspace_id = $1 and p.conversation_id = $2 and p.user_id = $3 and p.removed_at is null`,
)

/**
 * Fetches a conversation the actor is in.
 * @throws ParleyError `not_found` when it does not exist or the actor is not in it: both look the same
 */
export async function accessConversation(tx: Tx, actor: Actor, conversationId: string): Promise<VersionedAccess> {
  const [row] = await tx.query<AccessRow>(find, [actor.workspaceId, conversationId, actor.userId])
  if (!row) throw new ParleyError('not_found')
  return { conversation: row, participant: row, peopleVersion: row.people_version }
}

/** Whether the conversation takes new content. */
export function isOpenForContent(conversation: Pick<Conversation, 'status'>): boolean {
  return conversation.status !== 'archived'
}

/** @throws ParleyError `conversation_archived` when it takes no new content */
export function requireOpen(conversation: Pick<Conversation, 'status'>): void {
  if (!isOpenForContent(conversation)) throw new ParleyError('conversation_archived')
}

/** Whether an actor may change subject and context: the team, and whoever owns the conversation. */
export function canRename(actor: Actor, participant: Pick<ParticipantRow, 'role'>): boolean {
  return actor.role !== 'external' || participant.role === 'owner'
}

/** Whether an actor may change the status: the team only. */
export function canChangeStatus(actor: Actor): boolean {
  return actor.role !== 'external'
}
