import type { OperationOutput, ParsedInput } from '@parley/protocol'
import { limits } from '@parley/protocol'
import { type Context, type Line, lineOf, scopeOf } from '../context.ts'
import { accessConversation } from '../conversations/conversation.policy.ts'
import { headIn } from '../conversations/conversation.tables.ts'
import { type Statement, statement, type Tx } from '../db/database.ts'

type Mark = 'read' | 'delivered'

/** A mark made in one line stands in the other at the last message that both sides know of. */
const otherLine: Record<Line, string> = {
  team: `select max(public_seq) from messages where workspace_id = $1 and conversation_id = $2 and seq <= $4 and public_seq is not null`,
  public: `select max(seq) from messages where workspace_id = $1 and conversation_id = $2 and public_seq <= $4`,
}

function raise(mark: Mark, line: Line): Statement {
  const [own, other] = line === 'team' ? [`${mark}_seq`, `${mark}_public_seq`] : [`${mark}_public_seq`, `${mark}_seq`]
  return statement(
    `mark-${mark}-${line}`,
    `update participants set ${own} = $4, ${other} = greatest(${other}, (${otherLine[line]}))
     where workspace_id = $1 and conversation_id = $2 and user_id = $3 and removed_at is null and ${own} < $4
     returning ${mark}_seq as seq, ${mark}_public_seq as public_seq`,
  )
}

const statements: Record<Mark, Record<Line, Statement>> = {
  read: { team: raise('read', 'team'), public: raise('read', 'public') },
  delivered: { team: raise('delivered', 'team'), public: raise('delivered', 'public') },
}

function unreadStatement(line: Line): Statement {
  const column = line === 'team' ? 'seq' : 'public_seq'
  return statement(
    `unread-${line}`,
    `select count(*)::int as unread from (select 1 from messages m
       where m.workspace_id = $1 and m.conversation_id = $2 and m.${column} > $3 and m.seq >= $4
         and m.sender_id <> $5 and m.kind <> 'system' and m.deleted_at is null limit ${limits.unreadCounted}) unread`,
  )
}

const unreadStatements: Record<Line, Statement> = { team: unreadStatement('team'), public: unreadStatement('public') }

type MarkColumn = `${Mark}_seq` | `${Mark}_public_seq`

function columnOf(which: Mark, line: Line): MarkColumn {
  return line === 'team' ? `${which}_seq` : `${which}_public_seq`
}

interface Marked {
  readonly own: number
  readonly positions: { readonly seq: number; readonly public_seq: number } | null
  readonly fromSeq: number
}

async function mark(tx: Tx, ctx: Context, which: Mark, conversationId: string, asked: number): Promise<Marked> {
  const { actor } = ctx
  const line = lineOf(actor)
  const { conversation, participant } = await accessConversation(tx, actor, conversationId)
  const before = participant[columnOf(which, line)]
  const target = Math.min(asked, headIn(conversation, line))
  const fromSeq = participant.from_seq
  if (target <= before) return { own: before, positions: null, fromSeq }
  const values = [actor.workspaceId, conversationId, actor.userId, target]
  const [positions] = await tx.query<{ seq: number; public_seq: number }>(statements[which][line], values)
  return { own: target, positions: positions ?? null, fromSeq }
}

function announce(ctx: Context, which: Mark, conversationId: string, positions: Marked['positions']): void {
  if (!positions) return
  const { workspaceId, userId } = ctx.actor
  ctx.bus.signal({
    workspaceId,
    conversationId,
    type: which === 'read' ? 'message-read' : 'message-delivered',
    team: { conversationId, userId, seq: positions.seq },
    public: { conversationId, userId, seq: positions.public_seq },
  })
}

/**
 * Moves the actor's read mark: the greatest wins, never past the head (delivery G12). What is read was delivered.
 * @returns the mark and the unread count that follow from it
 * @throws ParleyError `not_found` outside of the conversation
 */
export async function markRead(ctx: Context, input: ParsedInput<'markRead'>): Promise<OperationOutput<'markRead'>> {
  const { actor } = ctx
  const { conversationId } = input
  const { marked, unread } = await ctx.db.transaction('write', scopeOf(actor), async (tx) => {
    const marked = await mark(tx, ctx, 'read', conversationId, input.seq)
    await mark(tx, ctx, 'delivered', conversationId, marked.own)
    const values = [actor.workspaceId, conversationId, marked.own, marked.fromSeq, actor.userId]
    const [counted] = await tx.query<{ unread: number }>(unreadStatements[lineOf(actor)], values)
    return { marked, unread: counted?.unread ?? 0 }
  })
  announce(ctx, 'read', conversationId, marked.positions)
  return { readSeq: marked.own, unread }
}

/**
 * Moves the actor's delivered mark: the greatest wins, never past the head.
 * @throws ParleyError `not_found` outside of the conversation
 */
export async function markDelivered(
  ctx: Context,
  input: ParsedInput<'markDelivered'>,
): Promise<OperationOutput<'markDelivered'>> {
  const { conversationId } = input
  const marked = await ctx.db.transaction('write', scopeOf(ctx.actor), (tx) =>
    mark(tx, ctx, 'delivered', conversationId, input.seq),
  )
  announce(ctx, 'delivered', conversationId, marked.positions)
  return { deliveredSeq: marked.own }
}
