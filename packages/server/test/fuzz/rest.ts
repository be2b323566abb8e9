import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { createClient, memoryStorage, type ParleyClient, type State, type Timeline } from '@parley/client'
import { type Device, type Person, signToken } from '@parley/testing'
import type { World } from './world.ts'

const restLimit = 25_000
const pollInterval = 100

/** Waits until nothing is said to be missing; answers what still is when time is over. */
async function until(missing: () => string[] | Promise<string[]>): Promise<string[]> {
  const deadline = performance.now() + restLimit
  for (;;) {
    const left = await missing()
    if (left.length === 0 || performance.now() > deadline) return left
    await sleep(pollInterval)
  }
}

function unsent({ client, person }: Device): string[] {
  const { connection, outbox } = client.store.getState()
  const waiting = Object.values(outbox).flatMap((line) => line.filter(({ status }) => status !== 'failed'))
  return [
    ...(connection.status === 'online' ? [] : [`${person.id} is ${connection.status}`]),
    ...waiting.map(({ text }) => `${person.id} has not sent ${text}`),
  ]
}

/** Loads again what could not be loaded, as somebody who looks at it would; answers whose it was. */
function lookAgain({ client, person }: Device): string[] {
  const { lists, timelines, participants, conversations } = client.store.getState()
  const shown = Object.values(lists)
  const failed = (parts: Readonly<Record<string, { status: string }>>) =>
    Object.keys(parts).filter((id) => parts[id]?.status === 'error' && conversations[id])
  const again = [
    ...shown.filter(({ status }) => status === 'error').map(({ filter }) => client.conversations.load(filter)),
    ...failed(timelines).map((id) => client.messages.loadLatest(id)),
    ...failed(participants).map((id) => client.participants.load(id)),
  ]
  for (const loading of again) loading.catch(() => {})
  const complete = again.length === 0 && shown.every(({ status }) => status === 'ready')
  return complete ? [] : [`${person.id} could not load everything`]
}

/** Everything becomes well and comes to rest. */
export async function rest(world: World): Promise<string[]> {
  const unfinished = await until(() => [...world.pending].map(({ what }) => `${what} has not ended`))
  if (unfinished.length > 0) return unfinished
  for (const { network, client } of world.devices) {
    network.flow()
    client.reconnectNow()
  }
  const left = await until(() => world.devices.flatMap(unsent))
  return left.length > 0 ? left : until(() => world.devices.flatMap(lookAgain))
}

/** A client that knows nothing yet loads all there is. */
async function loadAll({ nodes, conversationIds }: World, { person, client: shown }: Device): Promise<ParleyClient> {
  const [server] = nodes
  const getToken = () => signToken(server, person)
  const client = createClient({ serverUrl: server.url, getToken, storage: memoryStorage() })
  await client.start()
  for (const { filter } of Object.values(shown.store.getState().lists)) await client.conversations.load(filter)
  for (const id of conversationIds) await loadConversation(client, id)
  return client
}

async function loadConversation(client: ParleyClient, id: string): Promise<void> {
  await client.conversations.open(id).catch(() => {})
  if (!client.store.getState().conversations[id]) return
  await client.participants.load(id)
  while (client.store.getState().timelines[id]?.hasBefore) await client.messages.loadBefore(id)
}

/** Where two things differ, in few words. */
function differing(what: string, held: unknown, fresh: unknown): string[] {
  if (isDeepStrictEqual(held, fresh)) return []
  const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
  if (!isRecord(held) || !isRecord(fresh)) return [`${what}: ${JSON.stringify(held)}, not ${JSON.stringify(fresh)}`]
  const keys = new Set([...Object.keys(held), ...Object.keys(fresh)])
  return [...keys].flatMap((key) => differing(`${what}.${key}`, held[key], fresh[key]))
}

/** What is loaded of a timeline is a stretch of the whole, and says so at its ends. */
function timelineFaults(what: string, held: Timeline, whole: Timeline | undefined): string[] {
  if (held.status !== 'ready') return [`${what} is ${held.status}`]
  const all = whole?.items ?? []
  const start = held.items[0] ? all.findIndex(({ id }) => id === held.items[0]?.id) : 0
  if (start < 0) return [`${what} begins with a message that is not there`]
  const end = start + held.items.length
  return [
    ...differing(`${what} items`, held.items, all.slice(start, end)),
    ...differing(`${what} hasBefore`, held.hasBefore, start > 0),
    ...differing(`${what} hasAfter`, held.hasAfter, end < all.length),
  ]
}

/**
 * The position somebody stands at who knows all that he may see: a change of what lies before his history is not sent to him, and the next
 * one accounts for it.
 */
async function upToDate(person: Person, conversationId: string, seq: number): Promise<number> {
  const missed = await person.call('listChanges', { conversationId, after: seq })
  return missed.items.length === 0 ? missed.seq : seq
}

async function conversationFaults(person: Person, id: string, held: State, fresh: State): Promise<string[]> {
  const what = `${person.id} ${id}`
  const [mine, theirs] = [held.conversations[id], fresh.conversations[id]]
  if (!mine) {
    const shown = theirs && theirs.conversation.status !== 'archived'
    return shown ? [`${what} is not there`] : []
  }
  if (!theirs) return [`${what} is kept`]
  const seq = mine.seq < theirs.seq ? await upToDate(person, id, mine.seq) : mine.seq
  const [timeline, people] = [held.timelines[id], held.participants[id]]
  return [
    ...differing(what, { ...mine, seq }, theirs),
    ...(timeline ? timelineFaults(`${what} timeline`, timeline, fresh.timelines[id]) : []),
    ...(people ? differing(`${what} participants`, people, fresh.participants[id]) : []),
  ]
}

async function storeFaults({ conversationIds }: World, { person, client }: Device, fresh: State): Promise<string[]> {
  const held = client.store.getState()
  const lists = Object.keys(held.lists).flatMap((key) =>
    differing(`${person.id} list ${key}`, held.lists[key]?.ids, fresh.lists[key]?.ids),
  )
  const known = new Set([...conversationIds, ...Object.keys(held.conversations), ...Object.keys(fresh.conversations)])
  const faults = await Promise.all([...known].map((id) => conversationFaults(person, id, held, fresh)))
  return [...lists, ...faults.flat()]
}

/** Where the devices' stores differ from what the same people find who load everything afresh; marks have time to arrive. */
export async function compareWithFresh(world: World): Promise<string[]> {
  const fresh = await Promise.all(world.devices.map((device) => loadAll(world, device)))
  try {
    return await until(async () => {
      const faults = world.devices.map((device, index) => {
        const whole = fresh[index]
        return whole ? storeFaults(world, device, whole.store.getState()) : []
      })
      return (await Promise.all(faults)).flat()
    })
  } finally {
    await Promise.all(fresh.map((client) => client.close()))
  }
}
