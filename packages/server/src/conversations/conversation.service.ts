import { type Conversation, ParleyError, type ParsedInput } from '@parley/protocol'
import type { Context } from '../context.ts'
import { statement } from '../db/statement.ts'
import { type Writing, write } from '../write.ts'
import { canChangeStatus, canRename, isOpenForContent } from './conversation.policy.ts'
import { type ConversationRow, toConversation } from './conversation.tables.ts'

type Update = ParsedInput<'updateConversation'>

const update = statement(
  'conversation-update',
  `update conversations set subject = $3, context_type = $4, context_id = $5, context_title = $6, context_url = $7,
     status = $8 where workspace_id = $1 and id = $2`,
)

function authorize({ actor }: Context, { participant }: Writing, input: Update): void {
  const renames = input.subject !== undefined || input.context !== undefined
  if (renames && !canRename(actor, participant)) throw new ParleyError('forbidden')
  if (input.status !== undefined && !canChangeStatus(actor)) throw new ParleyError('forbidden')
}

function merge(row: ConversationRow, { subject, context, status }: Update): Conversation {
  const before = toConversation(row)
  return {
    ...before,
    subject: subject === undefined ? before.subject : subject,
    context: context === undefined ? before.context : context,
    status: status ?? before.status,
  }
}

function sameContext(a: Conversation['context'], b: Conversation['context']): boolean {
  return a?.type === b?.type && a?.id === b?.id && a?.title === b?.title && a?.url === b?.url
}

/**
 * Changes subject, context or status. No change, no event.
 * @returns the conversation as it is now
 * @throws ParleyError `not_found` outside of it, `forbidden` for what the actor may not change, `conversation_archived` for another subject or
 *   context of one that stays archived
 */
export function updateConversation(ctx: Context, input: Update): Promise<{ conversation: Conversation }> {
  return write(ctx, input.conversationId, async (writing) => {
    authorize(ctx, writing, input)
    const before = toConversation(writing.conversation)
    const after = merge(writing.conversation, input)
    const renamed = before.subject !== after.subject
    const moved = before.status !== after.status
    const named = renamed || !sameContext(before.context, after.context)
    if (!named && !moved) return { conversation: before }
    if (named && !isOpenForContent(before) && !isOpenForContent(after)) throw new ParleyError('conversation_archived')
    const { context, subject, status } = after
    await writing.tx.query(update, [
      ctx.actor.workspaceId,
      after.id,
      subject,
      context?.type ?? null,
      context?.id ?? null,
      context?.title ?? null,
      context?.url ?? null,
      status,
    ])
    writing.emit({ type: 'conversation-updated', entityId: after.id })
    if (renamed) writing.tell({ type: 'subject-changed', subject })
    if (moved) writing.tell({ type: 'status-changed', status })
    return { conversation: after }
  })
}
