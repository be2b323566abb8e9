import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '@parley/protocol'
import {
  type People,
  type Person,
  people,
  startConversation,
  startTestServer,
  type TestServer,
  type TestSocket,
} from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(() => server.close())

let workspaces = 0

/** People of a workspace in which nothing has happened yet. */
function newPeople(): Promise<People> {
  workspaces += 1
  return people(server, `ephemeral-${workspaces}`)
}

/** Waits until everything that was sent to these people has come. */
async function settle(starter: Person, viewers: readonly Person[], sockets: readonly TestSocket[]): Promise<void> {
  const { conversation } = await startConversation(starter, viewers)
  await Promise.all(sockets.map((socket) => socket.reached(conversation.id, 1)))
}

async function online(...persons: readonly Person[]): Promise<TestSocket[]> {
  return Promise.all(persons.map((who) => who.online()))
}

function close(sockets: readonly TestSocket[]): void {
  for (const socket of sockets) socket.close()
}

/** Every row of every table. */
async function everything(): Promise<string> {
  const tables = await server.database.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'parley'::regnamespace and relkind = 'r' order by 1`,
  )
  const contents = await Promise.all(
    tables.map(({ name }) => server.database.query(`select * from ${name} t order by t::text`)),
  )
  return JSON.stringify(contents)
}

test('G13 typing reaches the others in the conversation, and says who types where for whom', async () => {
  const { alice, bob, carol } = await newPeople()
  const { conversation } = await startConversation(alice, [bob, carol])
  const sockets = await online(alice, bob, carol)
  const [typing, ...others] = sockets
  const signal = { conversationId: conversation.id, audience: 'everyone' } as const
  await typing?.command('start-typing', signal)
  await typing?.command('stop-typing', signal)
  for (const other of others) {
    await other.frame(({ name }) => name === 'user-stopped-typing')
    expect(other.named('user-typing')).toEqual([{ ...signal, userId: 'alice' }])
    expect(other.named('user-stopped-typing')).toEqual([{ ...signal, userId: 'alice' }])
  }
  close(sockets)
})

test('G13 typing a note reaches the team only', async () => {
  const { alice, bob, carol } = await newPeople()
  const { conversation } = await startConversation(alice, [bob, carol])
  const sockets = await online(alice, bob, carol)
  const [typing, teammate, other] = sockets
  await typing?.command('start-typing', { conversationId: conversation.id, audience: 'team' })
  await teammate?.frame(({ name }) => name === 'user-typing')
  await settle(alice, [carol], [other as TestSocket])
  expect(other?.named('user-typing')).toEqual([])
  close(sockets)
})

test('G13 who is not in the conversation, or was removed, neither types there nor hears typing', async () => {
  const { alice, bob, carol, eve, dave, mallory, root } = await newPeople()
  const { conversation } = await startConversation(alice, [bob, carol, dave])
  const signal = { conversationId: conversation.id, audience: 'everyone' } as const
  const sockets = await online(alice, bob, dave, eve, mallory, root)
  const [typing, listening, ...outside] = sockets
  await alice.call('removeParticipant', { conversationId: conversation.id, userId: 'dave' })
  await outside[0]?.frame(({ name }) => name === 'participant-removed')
  for (const socket of outside) {
    await expect(socket.command('start-typing', signal)).rejects.toMatchObject({ code: 'not_found' })
    await expect(socket.command('stop-typing', signal)).rejects.toMatchObject({ code: 'not_found' })
  }
  await typing?.command('start-typing', signal)
  await listening?.frame(({ name }) => name === 'user-typing')
  await settle(alice, [dave, eve, root], [outside[0], outside[1], outside[3]] as TestSocket[])
  for (const socket of outside) expect(socket.named('user-typing')).toEqual([])
  expect(listening?.named('user-typing')).toEqual([{ ...signal, userId: 'alice' }])
  close(sockets)
})

test('G13 typing and presence are stored nowhere, and nobody who comes later hears of them', async () => {
  const { alice, bob, carol } = await newPeople()
  const { conversation, seq } = await startConversation(alice, [bob, carol])
  const sockets = await online(alice, bob)
  const before = await everything()
  await sockets[0]?.command('start-typing', { conversationId: conversation.id, audience: 'everyone' })
  await sockets[0]?.command('set-presence', { state: 'away' })
  await sockets[1]?.frame(({ name, payload }) => name === 'user-joined' && JSON.stringify(payload).includes('away'))
  expect(await everything()).toBe(before)
  const late = await carol.socket()
  const answer = await late.command('resume', { epoch: null, cursors: { [conversation.id]: seq } })
  expect(answer.events).toEqual([])
  await settle(alice, [carol], [late])
  expect(late.named('user-typing')).toEqual([])
  close([...sockets, late])
})

test('G13 presence is told to those who share a conversation, and to nobody else', async () => {
  const { alice, bob, carol, eve, dave, mallory } = await newPeople()
  await startConversation(alice, [carol])
  const watching = await online(carol, eve, dave, mallory, bob)
  const [arriving] = await online(alice)
  await watching[0]?.frame(({ name }) => name === 'user-joined')
  await arriving?.command('set-presence', { state: 'away' })
  await watching[0]?.frame(({ payload }) => JSON.stringify(payload).includes('away'))
  expect(watching[0]?.named('user-joined')).toEqual([
    { userId: 'alice', presence: 'online' },
    { userId: 'alice', presence: 'away' },
  ])
  await settle(alice, [eve, dave, bob], [watching[1], watching[2], watching[4]] as TestSocket[])
  for (const socket of watching.slice(1)) expect(socket.named('user-joined')).toEqual([])
  const resumed = await watching[3]?.command('resume', { epoch: null, cursors: {} })
  expect(resumed?.presence).toEqual([])
  close([...watching, arriving as TestSocket])
})

test('G13 who comes is told who of his companions is there, as they are now', async () => {
  const { alice, bob, carol, eve } = await newPeople()
  await startConversation(alice, [bob, carol])
  const sockets = await online(alice, bob, eve)
  await sockets[1]?.command('set-presence', { state: 'away' })
  const late = await carol.socket()
  const { presence } = await late.command('resume', { epoch: null, cursors: {} })
  expect(new Map(presence.map(({ userId, state }) => [userId, state]))).toEqual(
    new Map([
      ['alice', 'online'],
      ['bob', 'away'],
    ]),
  )
  close([...sockets, late])
})

test('G13 a reload is not told; an absence is, after a grace period, with the time it began', async () => {
  const { alice, carol } = await newPeople()
  await startConversation(alice, [carol])
  const [watching] = await online(carol)
  const [first] = await online(alice)
  first?.close()
  const [second] = await online(alice)
  await settle(alice, [carol], [watching as TestSocket])
  expect(watching?.named('user-joined')).toHaveLength(1)
  const left = Date.now()
  second?.close()
  await sleep(limits.presenceGrace - 2_000)
  expect(watching?.named('user-left')).toEqual([])
  await watching?.frame(({ name }) => name === 'user-left')
  const [told] = (watching?.named('user-left') ?? []) as { userId: string; lastSeenAt: string }[]
  expect(told?.userId).toBe('alice')
  expect(Math.abs(Date.parse(told?.lastSeenAt ?? '') - left)).toBeLessThan(1_000)
  close([watching as TestSocket])
})
