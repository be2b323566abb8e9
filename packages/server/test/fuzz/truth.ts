import type { Device, StoredChange, StoredMessage } from '@parley/testing'
import { findFaults } from '@parley/testing'
import type { World } from './world.ts'

interface MessageRow extends StoredMessage {
  readonly changed: boolean
}

/** A stretch of a conversation's line in which somebody was in it. */
interface Stay {
  /** Where the history begins that he may see. */
  readonly from: number
  /** The number of his removal. */
  readonly to: number
}

/** What the database says of a conversation, when all is over. */
interface Truth {
  readonly conversationId: string
  readonly head: { readonly seq: number; readonly publicSeq: number }
  readonly messages: readonly MessageRow[]
  readonly changes: readonly StoredChange[]
  readonly invited: readonly string[]
}

const guestsWithHistory: ReadonlySet<string> = new Set(['bob'])
const explained: ReadonlySet<string> = new Set(['not_found', 'forbidden', 'conversation_archived'])

async function read({ database }: World, conversationId: string): Promise<Truth> {
  const [head] = await database.query<Truth['head']>(
    'select seq, public_seq as "publicSeq" from conversations where id = $1',
    [conversationId],
  )
  const messages = await database.query<MessageRow>(
    `select id, seq, public_seq as "publicSeq", sender_id as "senderId", client_key as "clientKey", kind, text,
       coalesce(edited_at, deleted_at) is not null as changed
     from messages where conversation_id = $1 and kind <> 'system' order by seq`,
    [conversationId],
  )
  const changes = await database.query<StoredChange>(
    'select seq, public_seq as "publicSeq", type, entity_id as "entityId" from changes where conversation_id = $1 order by seq',
    [conversationId],
  )
  const people = await database.query<{ id: string }>(
    'select user_id as id from participants where conversation_id = $1',
    [conversationId],
  )
  return {
    conversationId,
    head: head ?? { seq: 0, publicSeq: 0 },
    messages,
    changes,
    invited: people.map(({ id }) => id),
  }
}

/** The stays of somebody, from the log. Who was there from the start has no change that says so. */
function staysOf({ changes, invited }: Truth, userId: string): Stay[] {
  const own = changes.filter(({ type, entityId }) => entityId === userId && /^participant-(added|removed)$/.test(type))
  const stays: Stay[] = []
  let from: number | null = invited.includes(userId) && own[0]?.type !== 'participant-added' ? 0 : null
  for (const { type, seq } of own) {
    if (type === 'participant-added') from = guestsWithHistory.has(userId) ? 0 : seq
    else if (from !== null) {
      stays.push({ from, to: seq })
      from = null
    }
  }
  return from === null ? stays : [...stays, { from, to: Number.POSITIVE_INFINITY }]
}

/** What was sent is there once, in order, and complete; what was refused says why. */
function sendingFaults(world: World, truth: Truth): string[] {
  const { conversationId } = truth
  const intents = world.devices.flatMap((device) =>
    device.intents.filter((one) => one.conversationId === conversationId),
  )
  const texts = new Map(intents.map(({ clientKey, text }) => [clientKey, text]))
  const known = truth.messages.filter(({ clientKey }) => texts.has(clientKey))
  const messages = known.map((row) => (row.changed ? { ...row, text: texts.get(row.clientKey) ?? '' } : row))
  const stored = new Set(known.map(({ clientKey }) => clientKey))
  const failed = world.devices.flatMap(({ client }) => client.store.getState().outbox[conversationId] ?? [])
  const failedKeys = new Set(failed.map(({ clientKey }) => clientKey))
  return [
    ...findFaults({ ...truth, messages, intents, acknowledgements: [], teamSenders: new Set(), logs: [] }),
    ...intents
      .filter(({ clientKey }) => !stored.has(clientKey) && !failedKeys.has(clientKey))
      .map(({ text }) => `lost: ${text} left the outbox`),
    ...failed.filter(({ error }) => !explained.has(error ?? '')).map(({ text, error }) => `${text} failed: ${error}`),
  ]
}

function headFaults({ head, changes }: Truth): string[] {
  const publicHead = Math.max(...changes.map(({ publicSeq }) => publicSeq ?? 0))
  const last = changes.at(-1)?.seq
  const same = head.seq === last && head.publicSeq === publicHead
  return same ? [] : [`the head is ${head.seq}/${head.publicSeq}, the log ends with ${last}/${publicHead}`]
}

/** Whether somebody may have received a message with the text it got by one of these changes. */
function mayKnow(stays: readonly Stay[], seq: number, changedAt: readonly number[]): boolean {
  return stays.some(({ from, to }) => seq >= from && changedAt.some((at) => at < to))
}

/** Texts that somebody received and was not to: notes for outsiders, and whatever lies outside of his stays. */
function textFaults(world: World, truth: Truth, device: Device, received: string): string[] {
  const { person } = device
  const stays = staysOf(truth, person.id)
  const intended = new Map(world.devices.flatMap(({ intents }) => intents.map((one) => [one.clientKey, one.text])))
  return truth.messages.flatMap(({ id, seq, publicSeq, clientKey }) => {
    const visible = person.role !== 'external' || publicSeq !== null
    const edits = truth.changes.filter(({ type, entityId }) => type === 'message-updated' && entityId === id)
    const versions = [
      { text: intended.get(clientKey) ?? '', at: [seq] },
      ...world.edits
        .filter(({ messageId }) => messageId === id)
        .map(({ text }) => ({ text, at: edits.map((edit) => edit.seq) })),
    ]
    return versions
      .filter(({ text, at }) => text !== '' && received.includes(text) && !(visible && mayKnow(stays, seq, at)))
      .map(({ text }) => `${person.id} received ${text} at ${seq}, being there ${JSON.stringify(stays)}`)
  })
}

/** An event, as sockets and answers carry it: where it belongs, and its number. */
export const eventInWire = /"conversationId":"([^"]+)","seq":(\d+),"prev":/g

/** Changes that somebody received from outside of his stays, by their numbers (delivery G9). */
function numberFaults({ conversationId, changes, ...rest }: Truth, { person }: Device, received: string): string[] {
  const external = person.role === 'external'
  const teamSeq = new Map(changes.map(({ seq, publicSeq }) => [external ? publicSeq : seq, seq]))
  const stays = staysOf({ conversationId, changes, ...rest }, person.id)
  const seqs = [...received.matchAll(eventInWire)]
    .filter(([, id]) => id === conversationId)
    .map(([, , seq]) => Number(seq))
  return [...new Set(seqs)].flatMap((seq) => {
    const at = teamSeq.get(seq)
    if (at === undefined) return [`${person.id} received number ${seq}, which is not in his line`]
    return stays.some(({ from, to }) => at >= from && at <= to)
      ? []
      : [`${person.id} received number ${at}, being there ${JSON.stringify(stays)}`]
  })
}

/** What is wrong with the database, and with what the network carried to each device. */
export async function judgeTruth(world: World): Promise<string[]> {
  const truths = await Promise.all(world.conversationIds.map((id) => read(world, id)))
  const received = world.devices.map(({ network }) => network.carried())
  return truths.flatMap((truth) => {
    const faults = [
      ...sendingFaults(world, truth),
      ...headFaults(truth),
      ...world.devices.flatMap((device, index) => [
        ...textFaults(world, truth, device, received[index] ?? ''),
        ...numberFaults(truth, device, received[index] ?? ''),
      ]),
    ]
    return faults.map((fault) => `${truth.conversationId}: ${fault}`)
  })
}
