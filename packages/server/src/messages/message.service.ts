import { createHash } from 'node:crypto'
import { type Audience, type Message, type OperationOutput, ParleyError, type ParsedInput } from '@parley/protocol'
import { type Context, lineOf, scopeOf } from '../context.ts'
import { requireOpen } from '../conversations/conversation.policy.ts'
import { statement, type Tx } from '../db/database.ts'
import { type Writing, write } from '../write.ts'
import { accessMessage, canDelete, canEdit, canSee, canWriteFor } from './message.policy.ts'
import { type MessageRow, messageColumns, messageTables, toMessage } from './message.tables.ts'

/** What a person asks to be sent. */
export interface Draft {
  readonly clientKey: string
  readonly text: string
  readonly audience: Audience
  readonly replyTo?: string | undefined
}

const findByKey = statement(
  'message-by-key',
  `select ${messageColumns} from ${messageTables}
   where m.workspace_id = $1 and m.sender_id = $2 and m.client_key = $3`,
)

const findById = statement(
  'message-by-id',
  `select ${messageColumns} from ${messageTables} where m.workspace_id = $1 and m.conversation_id = $2 and m.id = $3`,
)

/** A key that stands in a conversation the sender cannot see any more conflicts silently; no row comes back. */
const insert = statement(
  'message-insert',
  `insert into messages (workspace_id, id, conversation_id, seq, public_seq, sender_id, client_key, body_hash, kind,
     audience, text, reply_to)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
   on conflict (workspace_id, sender_id, client_key) do nothing
   returning created_at`,
)

const update = statement(
  'message-edit',
  'update messages set text = $3, edited_at = now() where workspace_id = $1 and id = $2',
)

const bury = statement(
  'message-delete',
  `update messages set text = '', reply_to = null, deleted_at = now(), deleted_by = $3 where workspace_id = $1 and id = $2`,
)

function bodyHash(conversationId: string, draft: Draft): string {
  const body = JSON.stringify([conversationId, draft.text, draft.audience, draft.replyTo ?? null])
  return createHash('sha256').update(body).digest('base64url')
}

async function requireQuotable(ctx: Context, { tx, conversation, participant }: Writing, draft: Draft): Promise<void> {
  if (draft.replyTo === undefined) return
  const [quoted] = await tx.query<MessageRow>(findById, [ctx.actor.workspaceId, conversation.id, draft.replyTo])
  if (!quoted || !canSee(lineOf(ctx.actor), participant.from_seq, quoted)) throw new ParleyError('not_found')
  if (quoted.audience === 'team' && draft.audience === 'everyone') {
    throw new ParleyError('invalid', 'A note can only be quoted in a note', { fields: ['replyTo'] })
  }
}

async function read(ctx: Context, { tx, conversation, participant }: Writing, id: string): Promise<Message> {
  const [row] = await tx.query<MessageRow>(findById, [ctx.actor.workspaceId, conversation.id, id])
  if (!row) throw new ParleyError('not_found')
  return toMessage(row, lineOf(ctx.actor), participant.from_seq)
}

/**
 * Writes a message inside an open write. The same key with the same content answers the message that stands already.
 * @throws ParleyError `client_key_reused`, `forbidden`, `conversation_archived`, `not_found` or `invalid` for the quote
 */
export async function recordMessage(ctx: Context, writing: Writing, draft: Draft): Promise<Message> {
  const { actor } = ctx
  const { tx, conversation, participant } = writing
  const hash = bodyHash(conversation.id, draft)
  const [known] = await tx.query<MessageRow>(findByKey, [actor.workspaceId, actor.userId, draft.clientKey])
  if (known) {
    if (known.body_hash !== hash) throw new ParleyError('client_key_reused')
    return toMessage(known, lineOf(actor), participant.from_seq)
  }
  if (!canWriteFor(actor, conversation.kind, draft.audience)) throw new ParleyError('forbidden')
  requireOpen(conversation)
  await requireQuotable(ctx, writing, draft)
  const id = ctx.ids()
  const { seq, publicSeq } = writing.emit({ type: 'new-message', entityId: id, audience: draft.audience })
  const inserted = await tx.query(insert, [
    actor.workspaceId,
    id,
    conversation.id,
    seq,
    publicSeq,
    actor.userId,
    draft.clientKey,
    hash,
    conversation.kind,
    draft.audience,
    draft.text,
    draft.replyTo ?? null,
  ])
  if (inserted.length === 0) throw new ParleyError('client_key_reused')
  writing.touch(draft.audience)
  return read(ctx, writing, id)
}

/**
 * Sends a message or a note. Answered after the commit (delivery G1); a retry with the same key answers the same message (G2).
 * @throws ParleyError `not_found` outside of the conversation, `forbidden` for a note by an outsider,
 *   `client_key_reused` for other content under a used key, `conversation_archived`
 */
export function sendMessage(ctx: Context, input: ParsedInput<'sendMessage'>): Promise<{ message: Message }> {
  return write(ctx, input.conversationId, async (writing) => ({ message: await recordMessage(ctx, writing, input) }))
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

const findMany = statement(
  'messages-by-ids',
  `select ${messageColumns} from ${messageTables} where m.workspace_id = $1 and m.id = any($2)`,
)
