import { limits, ParleyError } from '@parley/protocol'
import { type Actor, type Line, lineOf } from '../actor.ts'
import { type Access, accessConversation } from '../conversations/conversation.policy.ts'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { type MessageRow, messageColumns, messageTables } from './message.tables.ts'

/** A message with the conversation it stands in, as its viewer may see them. */
export interface MessageAccess extends Access {
  readonly message: MessageRow
}

const find = statement(
  'message-access',
  `select ${messageColumns} from ${messageTables} where m.workspace_id = $1 and m.id = $2`,
)

/** Whether a viewer may see a message of a conversation he is in: notes are for the team, history starts where he joined. */
export function canSee(line: Line, fromSeq: number, message: Pick<MessageRow, 'audience' | 'seq'>): boolean {
  return (line === 'team' || message.audience === 'everyone') && message.seq >= fromSeq
}

/**
 * Fetches a message the actor may see.
 * @throws ParleyError `not_found` when it does not exist or he may not know that it does
 */
export async function accessMessage(tx: Tx, actor: Actor, messageId: string): Promise<MessageAccess> {
  const [message] = await tx.query<MessageRow>(find, [actor.workspaceId, messageId])
  if (!message) throw new ParleyError('not_found')
  const access = await accessConversation(tx, actor, message.conversation_id)
  if (!canSee(lineOf(actor), access.participant.from_seq, message)) throw new ParleyError('not_found')
  return { ...access, message }
}

/** Whether the actor may write for an audience: notes are written by the team, in external conversations. */
export function canWriteFor(actor: Actor, kind: 'internal' | 'external', audience: MessageRow['audience']): boolean {
  return audience === 'everyone' || (actor.role !== 'external' && kind === 'external')
}

/**
 * Whether the actor may change the text: his own, not deleted, no system message, within the edit window.
 * @param now Unix milliseconds
 */
export function canEdit(actor: Actor, message: MessageRow, now: number): boolean {
  return (
    message.sender_id === actor.userId &&
    message.kind !== 'system' &&
    message.deleted_at === null &&
    now - Date.parse(message.created_at) < limits.editWindow
  )
}

/** Whether the actor may delete: his own, or any as an administrator; system messages stay. */
export function canDelete(actor: Actor, message: MessageRow): boolean {
  return message.kind !== 'system' && (message.sender_id === actor.userId || actor.role === 'admin')
}
