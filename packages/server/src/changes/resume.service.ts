import { type CommandInput, type DurableEvent, limits } from '@parley/protocol'
import { lineOf } from '../actor.ts'
import { type Context, scopeOf } from '../context.ts'
import type { Access } from '../conversations/conversation.policy.ts'
import {
  type ConversationRow,
  conversationColumns,
  conversationOfParticipant,
  headIn,
} from '../conversations/conversation.tables.ts'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { type ParticipantRow, participantColumns } from '../participants/participant.tables.ts'
import { readStretch } from './change.service.ts'

const mine = statement(
  'resume-conversations',
  `select ${conversationColumns}, ${participantColumns} from participants p
   ${conversationOfParticipant}
   where p.workspace_id = $1 and p.user_id = $2 and p.removed_at is null`,
)

const one = statement(
  'resume-conversation',
  `select ${conversationColumns}, ${participantColumns} from participants p
   ${conversationOfParticipant}
   where p.workspace_id = $1 and p.user_id = $2 and p.conversation_id = $3 and p.removed_at is null`,
)

/** A conversation the actor is in, as read at one moment: its head in the team's line and his place in it. */
export interface Membership {
  readonly conversationId: string
  readonly seq: number
  readonly fromSeq: number
}

/** What a returning client is told. */
export interface Resumption {
  readonly status: 'ok' | 'resync'
  readonly heads: Record<string, number>
  readonly events: DurableEvent[]
  readonly behind: string[]
  readonly memberships: readonly Membership[]
}

type Row = ConversationRow & ParticipantRow

function toMembership(row: Row): Membership {
  return { conversationId: row.conversation_id, seq: row.seq, fromSeq: row.from_seq }
}

function toAccess(row: Row): Access {
  return { conversation: { ...row, id: row.conversation_id }, participant: row }
}

/** Events that fit, and which conversations are behind; null when the log of one does not go back far enough. */
async function catchUp(
  tx: Tx,
  ctx: Context,
  rows: readonly Row[],
  cursors: Readonly<Record<string, number>>,
): Promise<Pick<Resumption, 'events' | 'behind'> | null> {
  const events: DurableEvent[] = []
  const behind: string[] = []
  let room: number = limits.resumeBytes
  for (const row of rows) {
    const have = cursors[row.conversation_id]
    const missed = have === undefined ? 0 : headIn(row, lineOf(ctx.actor)) - have
    if (have === undefined || missed <= 0) continue
    const fits = room > 0 && missed <= limits.resumeEvents - events.length
    const stretch = fits ? await readStretch(tx, ctx.actor, toAccess(row), have, missed) : { items: [] }
    if (stretch === null) return null
    const { items } = stretch
    room -= Buffer.byteLength(JSON.stringify(items))
    if (fits && room >= 0) events.push(...items)
    else behind.push(row.conversation_id)
  }
  return { events, behind }
}

/**
 * What a client missed, read at one moment: the heads of all its conversations, events in order as far as they fit, the
 * conversations it must fetch, and the memberships to deliver from here on.
 * A foreign epoch, a cursor ahead of its head, or one from before the beginning of its log, means to load afresh.
 */
export function resume(ctx: Context, input: CommandInput<'resume'>): Promise<Resumption> {
  const { actor, db } = ctx
  return db.transaction('read', scopeOf(actor), async (tx) => {
    const rows = await tx.query<Row>(mine, [actor.workspaceId, actor.userId])
    const line = lineOf(actor)
    const heads = Object.fromEntries(rows.map((row) => [row.conversation_id, headIn(row, line)]))
    const memberships = rows.map(toMembership)
    const ahead = rows.some((row) => (input.cursors[row.conversation_id] ?? 0) > headIn(row, line))
    const foreign = ahead || (input.epoch !== null && input.epoch !== db.epoch)
    const missed = foreign ? null : await catchUp(tx, ctx, rows, input.cursors)
    if (missed === null) return { status: 'resync', heads, events: [], behind: [], memberships }
    return { status: 'ok', heads, ...missed, memberships }
  })
}

/** The actor's membership in one conversation as it is now; null when he is not in it. */
export function readMembership(ctx: Context, conversationId: string): Promise<Membership | null> {
  const { actor, db } = ctx
  return db.transaction('read', scopeOf(actor), async (tx) => {
    const [row] = await tx.query<Row>(one, [actor.workspaceId, actor.userId, conversationId])
    return row ? toMembership(row) : null
  })
}
