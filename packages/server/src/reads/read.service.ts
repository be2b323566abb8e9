import type { OperationOutput, ParsedInput } from '@parley/protocol'
import { limits } from '@parley/protocol'
import { type Line, lineOf } from '../actor.ts'
import type { MarkSignal } from '../bus.ts'
import { type Context, scopeOf } from '../context.ts'
import { type Access, accessConversation } from '../conversations/conversation.policy.ts'
import { headIn } from '../conversations/conversation.tables.ts'
import type { Tx } from '../db/database.ts'
import { type Statement, statement } from '../db/statement.ts'
import { openForWriting } from '../write.ts'

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

/** For nodes that the bus does not tell: they find it in the database. */
const record = statement(
  'mark-move',
  `insert into mark_moves (workspace_id, conversation_id, user_id, type, seq, public_seq) values ($1, $2, $3, $4, $5, $6)`,
)

const typeOf = { read: 'message-read', delivered: 'message-delivered' } as const

type MarkColumn = `${Mark}_seq` | `${Mark}_public_seq`

function columnOf(which: Mark, line: Line): MarkColumn {
  return line === 'team' ? `${which}_seq` : `${which}_public_seq`
}

/** A mark after it was asked to move: where it stands, and what of it is news to whom. */
interface Marked {
  readonly own: number
  readonly fromSeq: number
  readonly news: Pick<MarkSignal, 'team' | 'public' | 'position'> | null
}

interface Positions {
  readonly seq: number
  readonly public_seq: number
}

/** A note that was read moves the mark in the team's line only: the other side hears nothing of it. */
function newsOf(
  { actor }: Context,
  { conversation, participant }: Access,
  which: Mark,
  { seq, public_seq: publicSeq }: Positions,
): Marked['news'] {
  const mark = { conversationId: conversation.id, userId: actor.userId }
  return {
    team: seq > participant[columnOf(which, 'team')] ? { ...mark, seq } : null,
    public: publicSeq > participant[columnOf(which, 'public')] ? { ...mark, seq: publicSeq } : null,
    position: conversation.seq,
  }
}

async function mark(tx: Tx, ctx: Context, which: Mark, conversationId: string, asked: number): Promise<Marked> {
  const { actor } = ctx
  const line = lineOf(actor)
  const access = await accessConversation(tx, actor, conversationId)
  const before = access.participant[columnOf(which, line)]
  const target = Math.min(asked, headIn(access.conversation, line))
  const fromSeq = access.participant.from_seq
  if (target <= before) return { own: before, fromSeq, news: null }
  await openForWriting(tx, conversationId)
  const values = [actor.workspaceId, conversationId, actor.userId, target]
  const [positions] = await tx.query<Positions>(statements[which][line], values)
  if (positions) return { own: target, fromSeq, news: newsOf(ctx, access, which, positions) }
  const { participant } = await accessConversation(tx, actor, conversationId)
  return { own: participant[columnOf(which, line)], fromSeq, news: null }
}

/** {@link mark}, and tells the nodes that follow the log of it. */
async function markAndRecord(
  tx: Tx,
  ctx: Context,
  which: Mark,
  conversationId: string,
  asked: number,
): Promise<Marked> {
  const marked = await mark(tx, ctx, which, conversationId, asked)
  const { news } = marked
  const { workspaceId, userId } = ctx.actor
  if (news) {
    const seqs = [news.team?.seq ?? null, news.public?.seq ?? null]
    tx.send(record, [workspaceId, conversationId, userId, typeOf[which], ...seqs])
  }
  return marked
}

function announce(ctx: Context, which: Mark, conversationId: string, { news }: Marked): void {
  if (!news) return
  const { workspaceId, userId } = ctx.actor
  ctx.bus.signal({ workspaceId, conversationId, userId, type: typeOf[which], ...news })
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
    const marked = await markAndRecord(tx, ctx, 'read', conversationId, input.seq)
    await mark(tx, ctx, 'delivered', conversationId, marked.own)
    const values = [actor.workspaceId, conversationId, marked.own, marked.fromSeq, actor.userId]
    const [counted] = await tx.query<{ unread: number }>(unreadStatements[lineOf(actor)], values)
    return { marked, unread: counted?.unread ?? 0 }
  })
  announce(ctx, 'read', conversationId, marked)
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
    markAndRecord(tx, ctx, 'delivered', conversationId, input.seq),
  )
  announce(ctx, 'delivered', conversationId, marked)
  return { deliveredSeq: marked.own }
}
