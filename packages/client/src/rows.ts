import type { Audience, Message } from '@parley/protocol'
import { isTeamMember } from './selectors.ts'
import type { Pending, State } from './state.ts'

/** How far a message of mine has come; null for messages of others. */
export type RowStatus = 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | null

/** One line of a conversation: a stored message, or one on its way. */
export interface Row {
  /** Stays the same from pending to stored. */
  readonly key: string
  readonly message: Message | null
  readonly pending: Pending | null
  readonly status: RowStatus
}

/** How far the others have come: the furthest mark of anyone, and of anyone in the team. */
interface Marks {
  readonly read: Readonly<Record<Audience, number>>
  readonly delivered: Readonly<Record<Audience, number>>
}

interface Cached {
  readonly inputs: readonly unknown[]
  readonly rows: readonly Row[]
}

const noRows: readonly Row[] = []
const noItems: readonly Message[] = []
const noPending: readonly Pending[] = []
const messageRows = new WeakMap<Message, Row>()
const pendingRows = new WeakMap<Pending, Row>()
const cache = new WeakMap<object, Cached>()

function marksOf(state: State, conversationId: string): Marks {
  const read = { everyone: 0, team: 0 }
  const delivered = { everyone: 0, team: 0 }
  const own = state.session.me?.user.id
  for (const { userId, readSeq, deliveredSeq } of state.conversations[conversationId]?.participants ?? []) {
    if (userId === own) continue
    const audiences: readonly Audience[] = isTeamMember(state, userId) ? ['everyone', 'team'] : ['everyone']
    for (const audience of audiences) {
      read[audience] = Math.max(read[audience], readSeq)
      delivered[audience] = Math.max(delivered[audience], deliveredSeq)
    }
  }
  return { read, delivered }
}

function statusOf({ senderId, kind, seq, audience }: Message, own: string | undefined, marks: Marks): RowStatus {
  if (senderId !== own || kind === 'system') return null
  if (marks.read[audience] >= seq) return 'read'
  return marks.delivered[audience] >= seq ? 'delivered' : 'sent'
}

function messageRow(message: Message, status: RowStatus): Row {
  const known = messageRows.get(message)
  if (known?.status === status) return known
  const key = status === null ? message.id : message.clientKey
  const row: Row = { key, message, pending: null, status }
  messageRows.set(message, row)
  return row
}

function pendingRow(pending: Pending): Row {
  const row = pendingRows.get(pending) ?? { key: pending.clientKey, message: null, pending, status: pending.status }
  pendingRows.set(pending, row)
  return row
}

/**
 * What a conversation shows: loaded messages, then those on their way. Rows keep their reference while they do not change,
 * and so does the whole. Pending rows stand at the end only when the end is loaded.
 */
export function selectRows(state: State, conversationId: string): readonly Row[] {
  const timeline = state.timelines[conversationId]
  const items = timeline?.items ?? noItems
  const pending = (timeline?.hasAfter ? undefined : state.outbox[conversationId]) ?? noPending
  if (items.length === 0 && pending.length === 0) return noRows
  const own = state.session.me?.user.id
  const marks = marksOf(state, conversationId)
  const { read, delivered } = marks
  const inputs = [items, pending, own, read.everyone, read.team, delivered.everyone, delivered.team]
  const anchor = items.length > 0 ? items : pending
  const known = cache.get(anchor)
  if (known?.inputs.every((input, index) => input === inputs[index])) return known.rows
  const rows = [
    ...items.map((message) => messageRow(message, statusOf(message, own, marks))),
    ...pending.map(pendingRow),
  ]
  cache.set(anchor, { inputs, rows })
  return rows
}
