import { invalidField, type Role } from '@parley/protocol'
import { type Actor, type Line, lineOf } from '../actor.ts'
import type { ConversationRow } from '../conversations/conversation.tables.ts'
import type { ParticipantRow } from './participant.tables.ts'

/** Whether an actor may add people and change their roles: the team, and whoever owns the conversation. */
export function canManage(actor: Actor, participant: Pick<ParticipantRow, 'role'>): boolean {
  return actor.role !== 'external' || participant.role === 'owner'
}

/**
 * Whether an actor may take a person out: himself always; others as {@link canManage} says, but an outsider never a member of the team.
 */
export function canRemove(
  actor: Actor,
  participant: Pick<ParticipantRow, 'role'>,
  removed: { readonly userId: string; readonly role: Role },
): boolean {
  if (removed.userId === actor.userId) return true
  if (actor.role === 'external' && removed.role !== 'external') return false
  return canManage(actor, participant)
}

/** Whether somebody of a line may be in a conversation: for an outsider no internal one exists, whatever he was when he came in (access SEC-53). */
export function fits({ kind }: Pick<ConversationRow, 'kind'>, line: Line): boolean {
  return kind === 'external' || line === 'team'
}

/**
 * @param field names the people in the input
 * @throws ParleyError `invalid` when people of the other side would enter an internal conversation
 */
export function requireFitting(
  conversation: Pick<ConversationRow, 'kind'>,
  roles: Iterable<Role>,
  field: 'participants' | 'userId',
): void {
  for (const role of roles) {
    if (!fits(conversation, lineOf({ role }))) {
      throw invalidField(field, 'Only the team can be in an internal conversation')
    }
  }
}
