import { setTimeout as sleep } from 'node:timers/promises'
import {
  createProgram,
  judge,
  type People,
  type Program,
  people,
  type Reader,
  startConversation,
  startPostgres,
  startReader,
  startWriter,
  type TestPostgres,
  urlOf,
  type Writer,
} from '@parley/testing'
import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { connectionOf } from '../src/db/embedded.ts'

const kills = 10
const readyWithin = 5_000
const team = ['alice', 'bob', 'root']

let program: Program | undefined
let postgres: TestPostgres | undefined

afterEach(async () => {
  await program?.remove()
  postgres?.stop()
  program = undefined
  postgres = undefined
})

/** Reads everything as the owner. */
async function asOwner<Result>(
  connection: pg.ClientConfig,
  work: (query: Parameters<typeof judge>[0]) => Promise<Result>,
): Promise<Result> {
  const types = new pg.TypeOverrides()
  types.setTypeParser(pg.types.builtins.INT8, Number)
  const client = new pg.Client({ ...connection, types })
  await client.connect()
  try {
    return await work(async (text, values) => (await client.query(text, [...values])).rows)
  } finally {
    await client.end()
  }
}

interface Load {
  readonly conversationIds: readonly string[]
  readonly writers: readonly Writer[]
  readonly readers: readonly Reader[]
}

/** Three people write, notes among it, and four read, in two conversations. */
async function startLoad(all: People): Promise<Load> {
  const started = await Promise.all([1, 2].map(() => startConversation(all.alice, [all.bob, all.carol, all.root])))
  const conversationIds = started.map(({ conversation }) => conversation.id)
  const writers = [
    startWriter(all.alice, conversationIds),
    startWriter(all.bob, conversationIds, (index) => (index % 3 === 0 ? 'team' : 'everyone')),
    startWriter(all.carol, conversationIds),
  ]
  const readers = [all.alice, all.bob, all.carol, all.root].map((who) => startReader(who, conversationIds))
  return { conversationIds, writers, readers }
}

/** Lets everything become known and be read. */
async function settle({ conversationIds, writers, readers }: Load): Promise<void> {
  await Promise.all(writers.map((writer) => writer.stop()))
  for (const reader of readers) {
    for (const conversationId of conversationIds) {
      const { conversation } = await reader.person.call('getConversation', { conversationId })
      await reader.reached(conversationId, conversation.seq)
    }
  }
}

async function killUnderLoad(server: Program, connection: pg.ClientConfig): Promise<void> {
  await server.start()
  const load = await startLoad(await people(server))
  const times: number[] = []
  for (let round = 0; round < kills; round += 1) {
    await sleep(150 + ((round * 137) % 400))
    await server.end('SIGKILL')
    times.push(await server.start())
  }
  await sleep(300)
  await settle(load)
  const { conversationIds, writers, readers } = load
  expect(await asOwner(connection, (query) => judge(query, team, conversationIds, writers, readers))).toEqual([])
  expect(Math.max(...times), `ready after ${times.map(Math.round).join(', ')} ms`).toBeLessThan(readyWithin)
  for (const writer of writers) expect(writer.acknowledgements.length).toBeGreaterThan(kills * 5)
  for (const reader of readers) expect(reader.connections).toBeGreaterThan(kills)
  await Promise.all(readers.map((reader) => reader.stop()))
}

test(`G1 G2 G4 G6 the server is killed ${kills} times under load, with its own database: nothing lost, doubled, out of order or unread`, async () => {
  program = await createProgram()
  await killUnderLoad(program, connectionOf(program.dataDir))
}, 90_000)

test(`G1 G2 G4 G6 the server is killed ${kills} times under load, with an external database: nothing lost, doubled, out of order or unread`, async () => {
  postgres = startPostgres({ fsync: 'on' })
  const { host, user } = postgres.connection
  await asOwner({ host: String(host), user: String(user), database: 'postgres' }, (query) =>
    query('create database parley', []),
  )
  program = await createProgram({ DATABASE_URL: urlOf({ host: String(host), user: String(user), database: 'parley' }) })
  await killUnderLoad(program, { host: String(host), user: String(user), database: 'parley' })
}, 90_000)
