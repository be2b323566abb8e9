import {
  type Evidence,
  findFaults,
  type Query,
  type StoredChange,
  type StoredMessage,
} from '../../packages/testing/src/judge.ts'
import type { StandingReader } from '../workload/reader.ts'
import type { Workload } from '../workload/workload.ts'

/** What was found wrong, counted by kind; the sentences say it in full. */
export interface Judgement {
  readonly operations: number
  readonly acknowledged: number
  readonly lost: number
  readonly doubled: number
  readonly disordered: number
  readonly leaked: number
  readonly sentences: readonly string[]
}

/** Where somebody was removed. */
export interface Removal {
  readonly conversationId: string
  readonly seq: number
}

const messagesOf = `select id, seq, public_seq as "publicSeq", sender_id as "senderId", client_key as "clientKey", kind, text
  from parley.messages where conversation_id = $1 and kind <> 'system' order by seq`

const changesOf = `select seq, public_seq as "publicSeq", type, entity_id as "entityId"
  from parley.changes where conversation_id = $1 order by seq`

const kinds = {
  lost: /lost:|was acknowledged as/,
  doubled: /doubled:/,
  leaked: /leaked:|after the removal/,
  disordered: /out of order|a hole or repetition|read .* where the log|not in the log/,
}

async function evidenceOf(query: Query, workload: Workload, conversationId: string): Promise<Evidence> {
  const here = (each: { readonly conversationId: string }) => each.conversationId === conversationId
  const team = workload.writers.filter(({ roamer }) => roamer.who.role !== 'external')
  return {
    conversationId,
    messages: await query<StoredMessage>(messagesOf, [conversationId]),
    changes: await query<StoredChange>(changesOf, [conversationId]),
    intents: workload.writers.flatMap(({ intents }) => intents.filter(here)),
    acknowledgements: workload.writers.flatMap(({ acknowledgements }) => acknowledgements.filter(here)),
    teamSenders: new Set(team.map(({ roamer }) => roamer.who.id)),
    logs: workload.readers
      .filter(({ conversationIds }) => conversationIds.includes(conversationId))
      .map((reader) => ({ readerId: reader.roamer.who.id, team: reader.team, events: reader.log(conversationId) })),
  }
}

/** Nothing above the own removal, and no gap before it. */
function removalFaults(victim: StandingReader, { conversationId, seq }: Removal, evidence: Evidence): string[] {
  const { id } = victim.roamer.who
  const events = victim.log(conversationId)
  const late = events
    .filter((event) => event.seq > seq)
    .map((event) => `${id} read ${event.seq} after the removal at ${seq}`)
  const changes = evidence.changes.slice(0, events.length)
  const log = { readerId: id, team: true, events }
  const bare = { ...evidence, messages: [], acknowledgements: [], intents: [], changes, logs: [log] }
  return [...late, ...findFaults(bare)]
}

/** The unread count is what stands above the mark, and the mark is where it was last put. */
async function markFaults(query: Query, reader: StandingReader, evidence: Evidence): Promise<string[]> {
  const { conversationId } = evidence
  const { id } = reader.roamer.who
  const { conversation } = await reader.roamer.call('getConversation', { conversationId })
  const [own] = await query<{ mark: number }>(
    `select ${reader.team ? 'read_seq' : 'read_public_seq'} as mark from parley.participants
     where conversation_id = $1 and user_id = $2`,
    [conversationId, id],
  )
  const mark = own?.mark ?? 0
  const positions = evidence.messages.flatMap(({ seq, publicSeq }) => (reader.team ? seq : publicSeq) ?? [])
  const unread = positions.filter((position) => position > mark).length
  return [
    ...(mark < reader.marked(conversationId) ? [`the read mark of ${id} went back to ${mark}`] : []),
    ...(conversation.unread === Math.min(1_000, unread)
      ? []
      : [`${id} has ${unread} unread above ${mark}, and is told ${conversation.unread}`]),
  ]
}

async function conversationFaults(query: Query, workload: Workload, conversationId: string, removal?: Removal) {
  const evidence = await evidenceOf(query, workload, conversationId)
  const found = findFaults(evidence)
  for (const reader of workload.readers) {
    if (reader.conversationIds.includes(conversationId)) found.push(...(await markFaults(query, reader, evidence)))
  }
  if (removal?.conversationId === conversationId) found.push(...removalFaults(workload.victim, removal, evidence))
  return found.map((fault) => `${conversationId}: ${fault}`)
}

/**
 * Judges a run when all writers have stopped and all readers have caught up.
 * @param query reads the database as its owner
 */
export async function judgeWorkload(query: Query, workload: Workload, removal?: Removal): Promise<Judgement> {
  const sentences = [...workload.writers, ...workload.readers, workload.victim].flatMap(({ faults }) => faults)
  for (const { id } of workload.cast.settings) {
    sentences.push(...(await conversationFaults(query, workload, id, removal)))
  }
  const count = (kind: RegExp) => sentences.filter((sentence) => kind.test(sentence)).length
  const sum = (pick: (writer: Workload['writers'][number]) => number) =>
    workload.writers.reduce((total, writer) => total + pick(writer), 0)
  return {
    operations: sum(({ intents }) => intents.length),
    acknowledged: sum(({ timings }) => timings.size),
    lost: count(kinds.lost),
    doubled: count(kinds.doubled),
    disordered: count(kinds.disordered),
    leaked: count(kinds.leaked),
    sentences,
  }
}
