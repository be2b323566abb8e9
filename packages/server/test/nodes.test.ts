import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '@parley/protocol'
import {
  type Frame,
  hasRedis,
  judge,
  newKey,
  newMark,
  openSocket,
  type Person,
  requestOf,
  say,
  sendRaw,
  startConversation,
  startReader,
  startWriter,
  type TestRedis,
  type TestSocket,
} from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { issueSecret } from '../src/identity/secrets.ts'
import { type Cluster, startCluster, startRedis } from './nodes/cluster.ts'
import { p99, runTraffic } from './nodes/traffic.ts'

const withinWithoutRedis = 1_500
const races = 30
const repetitions = 50
const revokedWithin = 1_000
const revokedWithoutRedisWithin = 6_000

let cluster: Cluster

/** Two of the team at the first node, two at the second; a fresh workspace does not matter, a fresh conversation does. */
async function team(): Promise<Record<'alice' | 'bob' | 'eve' | 'root', Person>> {
  const alice = await cluster.person('alice', 0)
  const [bob, eve, root] = await Promise.all([
    cluster.person('bob', 1),
    cluster.person('eve', 0),
    cluster.person('root', 1),
  ])
  return { alice, bob, eve, root }
}

function close(...sockets: readonly TestSocket[]): void {
  for (const socket of sockets) socket.close()
}

/** Somebody is removed at one node while others write at the other: what comes after his removal never reaches him. */
async function raceRemoval(): Promise<void> {
  const { alice, bob, eve, root } = await team()
  const { conversation } = await startConversation(alice, [bob, eve, root], { kind: 'internal' })
  const conversationId = conversation.id
  const sockets = await Promise.all([eve.online(), bob.online()])
  for (let race = 0; race < races; race += 1) {
    const burst = Array.from({ length: 10 }, () => say(bob, conversationId, newMark()))
    const removal = alice.call('removeParticipant', { conversationId, userId: 'eve' })
    const after = Array.from({ length: 5 }, () => say(root, conversationId, newMark()))
    await Promise.all([...burst, removal, ...after])
    const last = await say(bob, conversationId, newMark())
    await sockets[1].reached(conversationId, last.seq)
    await alice.call('addParticipant', { conversationId, userId: 'eve', history: 'none' })
  }
  const marker = await startConversation(alice, [eve], { kind: 'internal' })
  await sockets[0].reached(marker.conversation.id, 1)
  let inside = true
  for (const event of sockets[0].events(conversationId)) {
    if (event.type === 'participant-added' && event.data.participant.userId === 'eve') inside = true
    expect(inside, `${event.type} at ${event.seq}`).toBe(true)
    if (event.type === 'participant-removed' && event.data.userId === 'eve') inside = false
  }
  close(...sockets)
}

async function sendOnBothNodes(): Promise<void> {
  const [here, there] = [await cluster.person('alice', 0), await cluster.person('alice', 1)]
  const bob = await cluster.person('bob', 1)
  const { conversation } = await startConversation(here, [bob], { kind: 'internal' })
  const clientKey = newKey()
  const input = { conversationId: conversation.id, clientKey, text: 'once' }
  const answers = await Promise.all(
    Array.from({ length: repetitions }, (_, index) => (index % 2 === 0 ? here : there).call('sendMessage', input)),
  )
  expect(new Set(answers.map(({ message }) => `${message.id} ${message.seq}`)).size).toBe(1)
  const rows = await cluster.database.query('select id from messages where client_key = $1', [clientKey])
  expect(rows).toHaveLength(1)
}

async function moveWithCursors(): Promise<void> {
  const { alice, bob, eve, root } = await team()
  const started = await Promise.all([1, 2].map(() => startConversation(alice, [bob, eve, root], { kind: 'internal' })))
  const conversationIds = started.map(({ conversation }) => conversation.id)
  const writers = [alice, bob].map((sender) => startWriter(sender, conversationIds))
  const homes = [await cluster.person('eve', 0), await cluster.person('eve', 1)] as const
  let moves = 0
  let current: TestSocket | undefined
  const socket = async () => {
    current = await homes[moves % 2 === 0 ? 0 : 1].socket()
    return current
  }
  const readers = [alice, bob, { ...homes[0], socket }, root].map((who) => startReader(who, conversationIds))
  for (moves = 0; moves < 20; moves += 1) {
    await sleep(150)
    current?.drop()
  }
  await Promise.all(writers.map((writer) => writer.stop()))
  for (const reader of readers) {
    for (const conversationId of conversationIds) {
      const { conversation } = await alice.call('getConversation', { conversationId })
      await reader.reached(conversationId, conversation.seq)
    }
  }
  const query: Parameters<typeof judge>[0] = (text, values) => cluster.database.query(text, values)
  expect(await judge(query, ['alice', 'bob', 'eve', 'root'], conversationIds, writers, readers)).toEqual([])
  await Promise.all(readers.map((reader) => reader.stop()))
}

/** Somebody reads at the first node, and somebody at each node hears of it. Answers how often each of them has. */
async function readAcross(): Promise<{ heard(): number[]; close(): void }> {
  const { alice, bob, eve } = await team()
  const { conversation } = await startConversation(alice, [bob, eve], { kind: 'internal' })
  const { seq } = await say(bob, conversation.id, 'seen?')
  const sockets = await Promise.all([bob.online(), eve.online()])
  const isRead = ({ name, payload }: Frame) =>
    name === 'message-read' && JSON.stringify(payload).includes(conversation.id)
  await alice.call('markRead', { conversationId: conversation.id, seq })
  await Promise.all(sockets.map((socket) => socket.frame(isRead)))
  return {
    heard: () => sockets.map(({ frames }) => frames.filter(isRead).length),
    close: () => close(...sockets),
  }
}

describe('two nodes without Redis', () => {
  beforeAll(async () => {
    cluster = await startCluster(null)
  })

  afterAll(() => cluster.close())

  test('G10 every message arrives at the other node, in order and in time', async () => {
    const outcome = await runTraffic(cluster, () => sleep(8_000))
    expect(outcome.faults).toEqual([])
    expect(p99(outcome)).toBeLessThan(withinWithoutRedis)
  })

  test('G10 a conversation that is started at one node opens at the other', async () => {
    const { alice, bob } = await team()
    const listening = await bob.online()
    const { conversation } = await startConversation(alice, [bob], { kind: 'internal' })
    await say(alice, conversation.id, 'first')
    await listening.reached(conversation.id, 2)
    expect(listening.events(conversation.id).map(({ type }) => type)).toEqual(['conversation-created', 'new-message'])
    close(listening)
  })

  test('G10 who is added at one node hears of it at the other, and of all that follows', async () => {
    const { alice, bob, root } = await team()
    const { conversation } = await startConversation(alice, [root], { kind: 'internal' })
    const listening = await bob.online()
    await alice.call('addParticipant', { conversationId: conversation.id, userId: 'bob' })
    const { seq } = await say(alice, conversation.id, 'welcome')
    await listening.reached(conversation.id, seq)
    close(listening)
  })

  test('G9 nothing after a removal reaches the removed at another node', raceRemoval)

  test('G2 one key on both nodes at once gives one message', sendOnBothNodes)

  test('G12 a mark is heard at the other node, and nowhere twice', async () => {
    const { heard, close } = await readAcross()
    await sleep(1_000)
    expect(heard()).toEqual([1, 1])
    close()
  })
})

describe.skipIf(!hasRedis())('two nodes with Redis', () => {
  let redis: TestRedis

  const healthy = async () => {
    while (!(await cluster.isHealthy(0)) || !(await cluster.isHealthy(1))) await sleep(20)
  }

  beforeAll(async () => {
    redis = await startRedis()
    cluster = await startCluster(redis)
    await healthy()
  })

  afterAll(async () => {
    await cluster.close()
    await redis.kill()
  })

  test('G9 nothing after a removal reaches the removed at another node', raceRemoval)

  test('G2 one key on both nodes at once gives one message', sendOnBothNodes)

  test('G6 a client that moves between nodes misses nothing', moveWithCursors)

  test('G12 a mark is heard at the other node, also while Redis is away, and nowhere twice when the log is followed instead', async () => {
    const before = await readAcross()
    await redis.kill()
    const meanwhile = await readAcross()
    await sleep(1_000)
    expect([before.heard(), meanwhile.heard()]).toEqual([
      [1, 1],
      [1, 1],
    ])
    before.close()
    meanwhile.close()
    await redis.start()
    await healthy()
  })

  test('G13 typing is heard at the other node, by participants alone', async () => {
    const { alice, bob, root } = await team()
    const { conversation } = await startConversation(alice, [bob], { kind: 'internal' })
    const [typing, listening, outside] = await Promise.all([alice.online(), bob.online(), root.online()])
    await typing.command('start-typing', { conversationId: conversation.id, audience: 'everyone' })
    const heard = await listening.frame(({ name }) => name === 'user-typing')
    expect(heard.payload).toMatchObject({ userId: 'alice', conversationId: conversation.id })
    expect(outside.named('user-typing')).toEqual([])
    close(typing, listening, outside)
  })

  test('G13 presence is told at the other node, to companions alone, and survives a move', async () => {
    const [zoe, zoeThere] = [await cluster.person('zoe', 0), await cluster.person('zoe', 1)]
    const [yan, stranger] = [await cluster.person('yan', 1), await cluster.person('xia', 1)]
    await startConversation(zoe, [yan], { kind: 'internal' })
    const [watching, strange] = await Promise.all([yan.online(), stranger.online()])
    const first = await zoe.online()
    await watching.frame(({ name }) => name === 'user-joined')
    await first.command('set-presence', { state: 'away' })
    await watching.frame(({ payload }) => JSON.stringify(payload).includes('away'))
    const second = await zoeThere.online()
    await watching.frame(() => watching.named('user-joined').length === 3)
    close(first)
    await sleep(limits.presenceGrace + 1_000)
    expect(watching.named('user-left')).toEqual([])
    expect(watching.named('user-joined')).toEqual(
      ['online', 'away', 'online'].map((presence) => ({ userId: 'zoe', presence })),
    )
    expect(strange.named('user-joined')).toEqual([])
    close(watching, strange, second)
  })

  test('G13 who comes is told of those at the other node', async () => {
    const [vic, uma] = [await cluster.person('vic', 0), await cluster.person('uma', 1)]
    await startConversation(vic, [uma], { kind: 'internal' })
    const there = await vic.online()
    await sleep(500)
    const late = await uma.online()
    const told = await late.frame(({ name }) => name === 'user-joined')
    expect(told.payload).toEqual({ userId: 'vic', presence: 'online' })
    close(there, late)
  })

  test('G9 a session that is ended at one node closes its sockets at the other within a second', async () => {
    const tom = await cluster.person('tom', 0)
    const socket = await openSocket(cluster.nodes[1].url, { token: tom.token })
    await tom.call('signOut', {})
    const begun = performance.now()
    await socket.closed()
    expect(performance.now() - begun).toBeLessThan(revokedWithin)
    await expect(openSocket(cluster.nodes[1].url, { token: tom.token })).rejects.toMatchObject({
      code: 'unauthenticated',
    })
  })

  test('G9 ID13 with Redis dead a token that was signed out at one node is refused at the other within seconds', async () => {
    const tom = await cluster.person('tom', 0)
    const socket = await openSocket(cluster.nodes[1].url, { token: tom.token })
    await redis.kill()
    await tom.call('signOut', {})
    const begun = performance.now()
    await socket.closed()
    expect(performance.now() - begun).toBeLessThan(revokedWithoutRedisWithin)
    await expect(openSocket(cluster.nodes[1].url, { token: tom.token })).rejects.toMatchObject({
      code: 'unauthenticated',
    })
    await redis.start()
    await healthy()
  })

  test('G9 with Redis dead a session that is ended at one node closes its sockets at the other within seconds', async () => {
    await cluster.person('tom', 0)
    const { value, hash } = issueSecret('w1')
    await cluster.database.query(`insert into sessions (workspace_id, token_hash, user_id) values ('w1', $1, 'tom')`, [
      hash,
    ])
    const [here, there] = cluster.nodes
    const headers = (origin: string) => ({ cookie: `parley_session=${value}`, origin })
    const socket = await openSocket(there.url, {}, headers(there.url))
    await redis.kill()
    const out = requestOf('signOut', {})
    const answer = await sendRaw(here.url, { ...out, headers: { ...out.headers, ...headers(here.url) } })
    expect(answer.status).toBe(200)
    const begun = performance.now()
    await socket.closed()
    expect(performance.now() - begun).toBeLessThan(revokedWithoutRedisWithin)
    await redis.start()
    await healthy()
  })
})
