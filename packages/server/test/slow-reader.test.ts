import { type DurableEvent, limits } from '@parley/protocol'
import {
  createProgram,
  createTestDatabase,
  openRawAs,
  type People,
  type Program,
  people,
  type RawSocket,
  say,
  startConversation,
  type TestDatabase,
  urlOf,
} from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

const stalledSockets = 10
const messages = 1_800
const text = '字'.repeat(limits.textLength)
const memoryBound = 80 * 1024 * 1024

let database: TestDatabase
let program: Program
let all: People

beforeAll(async () => {
  database = await createTestDatabase()
  program = await createProgram({ DATABASE_URL: urlOf(database.connection) })
  await program.start()
  all = await people(program)
})

afterAll(async () => {
  await program.remove()
  await database.drop()
})

async function metric(name: string): Promise<number> {
  const answer = await (await fetch(`${program.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(answer)?.[1])
}

async function stalled(): Promise<RawSocket> {
  const socket = await openRawAs(program.url, all.carol.token)
  socket.command(1, 'resume', { epoch: null, cursors: {} })
  await socket.text((received) => received.startsWith('431'))
  socket.stopReading()
  return socket
}

/** The positions of a conversation that came over a hand-made socket. */
function positions({ texts }: RawSocket, conversationId: string): number[] {
  return texts
    .filter((received) => received.startsWith('42['))
    .map((received) => (JSON.parse(received.slice(2)) as [string, DurableEvent])[1])
    .filter((event) => event.conversationId === conversationId && 'seq' in event)
    .map((event) => event.seq)
}

/** Many long messages, four at a time; answers how long each send took, in ms, ascending. */
async function flood(conversationId: string): Promise<number[]> {
  const times: number[] = []
  let left = messages
  const write = async () => {
    while (left > 0) {
      left -= 1
      const begun = performance.now()
      await say(all.alice, conversationId, text)
      times.push(performance.now() - begun)
    }
  }
  await Promise.all(Array.from({ length: 4 }, write))
  return times.sort((a, b) => a - b)
}

async function fetchAfter(conversationId: string, after: number): Promise<number[]> {
  const found: number[] = []
  let page = await all.carol.call('listChanges', { conversationId, after })
  found.push(...page.items.map(({ seq }) => seq))
  while (page.more) {
    page = await all.carol.call('listChanges', { conversationId, after: page.seq })
    found.push(...page.items.map(({ seq }) => seq))
  }
  return found
}

test('G8 readers who stop reading cost a fixed buffer, nobody notices, and they catch up or are closed', async () => {
  const warmUp = await startConversation(all.alice, [all.bob])
  await flood(warmUp.conversation.id)
  const { conversation, seq: start } = await startConversation(all.alice, [all.bob, all.carol])
  const conversationId = conversation.id
  const bob = await all.bob.online()
  const sockets = await Promise.all(Array.from({ length: stalledSockets }, stalled))
  const before = await metric('process_resident_memory_bytes')
  const times = await flood(conversationId)
  const grown = (await metric('process_resident_memory_bytes')) - before
  expect(await metric('parley_behind_total')).toBe(stalledSockets)
  expect(grown).toBeLessThan(memoryBound)
  const head = start + messages
  await bob.reached(conversationId, head)
  const told = bob.events(conversationId).filter(({ seq }) => seq > start)
  expect(told.map(({ seq }) => seq)).toEqual(Array.from({ length: messages }, (_v, index) => start + 1 + index))
  expect(times[Math.floor(times.length * 0.99)]).toBeLessThan(1_000)

  const [returning, ...others] = sockets
  if (!returning) throw new Error('There is no socket')
  returning.readOn()
  await returning.text((received) => received === '42["behind",{}]', 20_000)
  const read = positions(returning, conversationId)
  expect(read).toEqual(read.map((_seq, index) => start + 1 + index))
  expect(read.length).toBeLessThan(messages)
  const fetched = await fetchAfter(conversationId, read.at(-1) ?? start)
  expect([...read, ...fetched]).toEqual(Array.from({ length: messages }, (_v, index) => start + 1 + index))
  const { seq } = await say(all.alice, conversationId, 'live again')
  await returning.text((received) => received.includes('live again'))
  expect(seq).toBe(head + 1)

  await expect.poll(() => metric('parley_sockets'), { timeout: 30_000, interval: 500 }).toBe(2)
  for (const socket of others) socket.destroy()
  bob.close()
  returning.destroy()
}, 120_000)

test('G8 who does not read his answers costs a fixed buffer too', async () => {
  const { conversation, seq } = await startConversation(all.alice, [all.carol])
  const conversationId = conversation.id
  await Promise.all(Array.from({ length: 40 }, () => say(all.alice, conversationId, text)))
  const socket = await stalled()
  const [before, behind] = [await metric('process_resident_memory_bytes'), await metric('parley_behind_total')]
  for (let count = 0; count < 400; count += 1) {
    socket.command(2 + count, 'resume', { epoch: null, cursors: { [conversationId]: seq } })
    await metric('parley_sockets')
  }
  expect(await metric('parley_behind_total')).toBeGreaterThan(behind)
  expect((await metric('process_resident_memory_bytes')) - before).toBeLessThan(memoryBound)
  socket.destroy()
}, 60_000)
