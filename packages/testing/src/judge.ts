import type { DurableEvent } from '@parley/protocol'
import type { Reader } from './reader.ts'
import type { Acknowledgement, Intent, Writer } from './writer.ts'

/** A message as it stands in the database. */
export interface StoredMessage {
  readonly id: string
  readonly seq: number
  readonly publicSeq: number | null
  readonly senderId: string
  readonly clientKey: string
  readonly kind: string
  readonly text: string
}

/** A change as it stands in the log. */
export interface StoredChange {
  readonly seq: number
  readonly publicSeq: number | null
  readonly type: string
  readonly entityId: string
}

/** What somebody read, in the order he applied it. */
export interface ReadLog {
  readonly readerId: string
  readonly team: boolean
  readonly events: readonly DurableEvent[]
}

/** Everything known of one conversation after a run. */
export interface Evidence {
  readonly conversationId: string
  readonly messages: readonly StoredMessage[]
  readonly changes: readonly StoredChange[]
  readonly intents: readonly Intent[]
  readonly acknowledgements: readonly Acknowledgement[]
  readonly teamSenders: ReadonlySet<string>
  readonly logs: readonly ReadLog[]
}

/** Runs SQL as somebody who sees every row; numbers come as numbers. */
export type Query = <Row extends object>(text: string, values: readonly unknown[]) => Promise<Row[]>

function keyOf({ senderId, clientKey }: Pick<Intent, 'senderId' | 'clientKey'>): string {
  return `${senderId} ${clientKey}`
}

function acknowledgedFaults({ messages, acknowledgements, teamSenders }: Evidence): string[] {
  const rows = new Map(messages.map((row) => [keyOf(row), row]))
  return acknowledgements.flatMap((known) => {
    const row = rows.get(keyOf(known))
    if (!row) return [`lost: ${known.text} was acknowledged as ${known.messageId}`]
    const position = teamSenders.has(known.senderId) ? row.seq : row.publicSeq
    const same = row.id === known.messageId && position === known.seq && row.text === known.text
    return same
      ? []
      : [`${known.text} was acknowledged as ${known.messageId} at ${known.seq}, and is ${row.id} at ${position}`]
  })
}

function storedFaults({ messages, intents }: Evidence): string[] {
  const intended = new Map(intents.map((intent) => [keyOf(intent), intent]))
  const seen = new Set<string>()
  return messages.flatMap((row) => {
    const content = `${row.senderId}: ${row.text}`
    const doubled = seen.has(content)
    seen.add(content)
    if (doubled) return [`doubled: ${content}`]
    return intended.get(keyOf(row))?.text === row.text ? [] : [`never intended: ${content}`]
  })
}

function senderOrderFaults({ messages, intents }: Evidence): string[] {
  const rank = new Map(intents.map((intent, index) => [keyOf(intent), index]))
  const last = new Map<string, number>()
  return messages.flatMap((row) => {
    const current = rank.get(keyOf(row)) ?? -1
    const before = last.get(row.senderId) ?? -1
    last.set(row.senderId, current)
    return current > before ? [] : [`out of order: ${row.senderId}: ${row.text} at ${row.seq}`]
  })
}

function lineFaults({ changes }: Evidence): string[] {
  const team = changes.map(({ seq }) => seq)
  const visible = changes.flatMap(({ publicSeq }) => (publicSeq === null ? [] : [publicSeq]))
  return [team, visible].flatMap((line, index) => {
    const at = line.findIndex((seq, place) => seq !== place + 1)
    return at < 0 ? [] : [`a hole or repetition in the ${index === 0 ? "team's" : 'public'} line after ${at}`]
  })
}

function entityOf({ type, data }: DurableEvent): string {
  switch (type) {
    case 'conversation-created':
    case 'conversation-updated':
      return data.conversation.id
    case 'participant-added':
    case 'participant-updated':
      return data.participant.userId
    case 'participant-removed':
      return data.userId
    case 'new-message':
    case 'message-updated':
    case 'message-deleted':
      return data.message.id
  }
}

function readingFaults({ changes }: Evidence, { readerId, team, events }: ReadLog): string[] {
  const visible = changes.flatMap(({ seq, publicSeq, type, entityId }) => {
    const position = team ? seq : publicSeq
    return position === null ? [] : [`${position} ${type} ${entityId}`]
  })
  const read = events.map((event) => `${event.seq} ${event.type} ${entityOf(event)}`)
  const at = visible.findIndex((line, index) => line !== read[index])
  if (at >= 0) return [`${readerId} read ${read[at] ?? 'nothing'} where the log has ${visible[at]}`]
  return read.length > visible.length ? [`${readerId} read ${read[visible.length]}, which is not in the log`] : []
}

/**
 * What is wrong with a conversation after a run, by the rules of delivery: acknowledged means there exactly once and in its place;
 * there means intended; the lines have no hole; each sender's order is kept; everybody read his visible part of the log in its order.
 * @returns one sentence for every fault; none when all is right
 */
export function findFaults(evidence: Evidence): string[] {
  return [
    ...acknowledgedFaults(evidence),
    ...storedFaults(evidence),
    ...senderOrderFaults(evidence),
    ...lineFaults(evidence),
    ...evidence.logs.flatMap((log) => readingFaults(evidence, log)),
  ]
}

const messagesOf = `select id, seq, public_seq as "publicSeq", sender_id as "senderId", client_key as "clientKey", kind, text
  from parley.messages where conversation_id = $1 and kind <> 'system' order by seq`

const changesOf = `select seq, public_seq as "publicSeq", type, entity_id as "entityId"
  from parley.changes where conversation_id = $1 order by seq`

/**
 * Judges conversations after a run, when all writers have stopped and all readers have caught up.
 * @param query reads the database
 * @param team user ids of the team, who read and are answered in its line
 */
export async function judge(
  query: Query,
  team: readonly string[],
  conversationIds: readonly string[],
  writers: readonly Writer[],
  readers: readonly Reader[],
): Promise<string[]> {
  const teamSenders = new Set(team)
  const faults: string[] = []
  for (const conversationId of conversationIds) {
    const here = (intent: Intent) => intent.conversationId === conversationId
    const logs = readers.map((reader) => ({
      readerId: reader.person.id,
      team: teamSenders.has(reader.person.id),
      events: reader.log(conversationId),
    }))
    const evidence = {
      conversationId,
      messages: await query<StoredMessage>(messagesOf, [conversationId]),
      changes: await query<StoredChange>(changesOf, [conversationId]),
      intents: writers.flatMap((writer) => writer.intents.filter(here)),
      acknowledgements: writers.flatMap((writer) => writer.acknowledgements.filter(here)),
      teamSenders,
      logs,
    }
    faults.push(...findFaults(evidence).map((fault) => `${conversationId}: ${fault}`))
  }
  return faults
}
