import { type Message, type OperationOutput, ParleyError, type ParsedInput } from '@parley/protocol'
import { lineOf } from '../actor.ts'
import { type Context, scopeOf } from '../context.ts'
import { requireOpen } from '../conversations/conversation.policy.ts'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { type Writing, write } from '../write.ts'
import { accessMessage, canDelete, canEdit } from './message.policy.ts'
import { chosenMessageTables, type MessageRow, messageColumns, messageTables, toMessage } from './message.tables.ts'

const findById = statement(
  'message-by-id',
  `select ${messageColumns} from ${messageTables} where m.workspace_id = $1 and m.conversation_id = $2 and m.id = $3`,
)

const update = statement(
  'message-edit',
  'update messages set text = $3, edited_at = now() where workspace_id = $1 and id = $2',
)

const bury = statement(
  'message-delete',
  `update messages set text = '', reply_to = null, deleted_at = now(), deleted_by = $3 where workspace_id = $1 and id = $2`,
)

async function read(ctx: Context, { tx, conversation, participant }: Writing, id: string): Promise<Message> {
  const [row] = await tx.query<MessageRow>(findById, [ctx.actor.workspaceId, conversation.id, id])
  if (!row) throw new ParleyError('not_found')
  return toMessage(row, lineOf(ctx.actor), participant.from_seq)
}

/**
 * One message.
 * @throws ParleyError `not_found`
 */
export function getMessage(ctx: Context, { messageId }: ParsedInput<'getMessage'>): Promise<{ message: Message }> {
  return ctx.db.transaction('read', scopeOf(ctx.actor), async (tx) => {
    const { message, participant } = await accessMessage(tx, ctx.actor, messageId)
    return { message: toMessage(message, lineOf(ctx.actor), participant.from_seq) }
  })
}

async function locate(ctx: Context, messageId: string): Promise<string> {
  return ctx.db.transaction('read', scopeOf(ctx.actor), async (tx) => {
    const { conversation } = await accessMessage(tx, ctx.actor, messageId)
    return conversation.id
  })
}

async function change(
  ctx: Context,
  messageId: string,
  work: (writing: Writing, message: MessageRow) => Promise<void>,
): Promise<{ message: Message }> {
  const conversationId = await locate(ctx, messageId)
  return write(ctx, conversationId, async (writing) => {
    const { message } = await accessMessage(writing.tx, ctx.actor, messageId)
    await work(writing, message)
    return { message: await read(ctx, writing, messageId) }
  })
}

/**
 * Changes the text of an own message. The same text again changes nothing.
 * @throws ParleyError `not_found`, `forbidden`, `conversation_archived`
 */
export function editMessage(
  ctx: Context,
  { messageId, text }: ParsedInput<'editMessage'>,
): Promise<OperationOutput<'editMessage'>> {
  return change(ctx, messageId, async (writing, message) => {
    if (!canEdit(ctx.actor, message, ctx.clock())) throw new ParleyError('forbidden')
    requireOpen(writing.conversation)
    if (message.text === text) return
    await writing.tx.query(update, [ctx.actor.workspaceId, messageId, text])
    writing.emit({ type: 'message-updated', entityId: messageId, audience: message.audience })
  })
}

/**
 * Deletes a message: its text is gone, a tombstone keeps its place. Deleting it again changes nothing.
 * @throws ParleyError `not_found`, `forbidden`, `conversation_archived`
 */
export function deleteMessage(
  ctx: Context,
  { messageId }: ParsedInput<'deleteMessage'>,
): Promise<OperationOutput<'deleteMessage'>> {
  return change(ctx, messageId, async (writing, message) => {
    if (!canDelete(ctx.actor, message)) throw new ParleyError('forbidden')
    if (message.deleted_at !== null) return
    requireOpen(writing.conversation)
    await writing.tx.query(bury, [ctx.actor.workspaceId, messageId, ctx.actor.userId])
    writing.emit({ type: 'message-deleted', entityId: messageId, audience: message.audience })
  })
}

/** Rows of messages by id, in no order; what row-level security hides is left out. */
export async function readMessages(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<MessageRow[]> {
  return ids.length === 0 ? [] : tx.query<MessageRow>(findMany, [workspaceId, ids])
}

const findMany = statement('messages-by-ids', `select ${messageColumns} from ${chosenMessageTables}`)
