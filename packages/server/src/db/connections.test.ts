import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTestDatabase, type TestDatabase } from '@parley/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Connections, closeApart, isAway } from './connections.ts'

const port = 5432
const directory = mkdtempSync(join(tmpdir(), 'parley-connections-'))
const socketIn = (host: string, number: number) => join(host, `.s.PGSQL.${number}`)

let owned: TestDatabase
let door: Server
let pool: pg.Pool
let connections: Connections
let away = true
let dialled = 0
const through = new Map<Socket, Socket>()

/** The other side is gone from every connection, and nobody says so. */
function goSilent(): void {
  for (const [client, server] of through) {
    client.unpipe()
    server.unpipe()
    server.destroy()
  }
  through.clear()
}

beforeAll(async () => {
  owned = await createTestDatabase()
  const { host = '', port: real = port } = owned.connection
  door = createServer((client) => {
    dialled += 1
    if (away) return client.destroy()
    const server = connect(socketIn(host, real))
    client.pipe(server).pipe(client)
    through.set(client, server)
  })
  await new Promise<void>((resolve) => door.listen(socketIn(directory, port), resolve))
  pool = new pg.Pool({ ...owned.connection, host: directory, port })
  connections = new Connections(pool)
})

afterAll(async () => {
  await pool.end()
  door.close()
  await owned.drop()
  rmSync(directory, { recursive: true })
})

const ask = () => connections.lend(1_000, async (client) => (await client.query('select 1 as one')).rows)

test('G11 a database that is away is dialled ten times a second, not by each who asks; the next one is served when it is back', async () => {
  const until = performance.now() + 500
  let refused = 0
  while (performance.now() < until) {
    await expect(ask()).rejects.toSatisfy(isAway)
    refused += 1
    await sleep(1)
  }
  expect(refused).toBeGreaterThan(50)
  expect(dialled).toBeLessThanOrEqual(6)
  away = false
  await sleep(150)
  expect(await ask()).toEqual([{ one: 1 }])
})

test('G11 a pool that is busy for too long says nothing of the database: who asks next waits for a connection', async () => {
  const busy = new pg.Pool({ ...owned.connection, max: 1, connectionTimeoutMillis: 200 })
  const few = new Connections(busy)
  try {
    const long = few.lend(5_000, () => sleep(300))
    await expect(few.lend(5_000, async () => 'served')).rejects.toThrow('timeout exceeded')
    expect(await few.lend(5_000, async () => 'served')).toBe('served')
    await long
  } finally {
    await busy.end()
  }
})

test('G11 when a connection is found dead the others that were open then are not tried: the next caller is served by a new one', async () => {
  const name = async (client: pg.PoolClient) => (await client.query('select pg_backend_pid() as pid')).rows[0]?.pid
  const slowly = (client: pg.PoolClient) => sleep(50).then(() => name(client))
  const before = await Promise.all(Array.from({ length: 5 }, () => connections.lend(1_000, slowly)))
  expect(new Set(before).size).toBe(5)
  goSilent()
  await expect(connections.lend(300, name)).rejects.toSatisfy(isAway)
  const after = await Promise.all(Array.from({ length: 5 }, () => connections.lend(1_000, name)))
  expect(after.filter((pid) => before.includes(pid))).toEqual([])
})

test('G1 what was begun and failed is rolled back, and where nothing was begun the database is not told to', async () => {
  away = false
  const notices: string[] = []
  const failAfter = (begin: string) =>
    connections.lend(1_000, async (client) => {
      client.on('notice', ({ message }) => notices.push(message ?? ''))
      await client.query(begin)
      await client.query('select 1 / 0')
    })
  for (const begin of ['begin', 'select 1', 'begin']) {
    await expect(failAfter(begin)).rejects.toThrow('division by zero')
    expect(await ask()).toEqual([{ one: 1 }])
  }
  expect(notices).toEqual([])
})

test('RUN-9 connections that were opened together and are not used any more are closed one by one', async () => {
  const many = new pg.Pool({ ...owned.connection, max: 10, min: 2 })
  closeApart(many, { atLeast: 100, atMost: 1_100 })
  const closedAt: number[] = []
  many.on('remove', () => closedAt.push(performance.now()))
  const opened = await Promise.all(Array.from({ length: 10 }, () => many.connect()))
  for (const client of opened) client.release()
  while (closedAt.length < 8) await sleep(10)
  const [first = 0] = closedAt
  expect((closedAt.at(-1) ?? 0) - first).toBeGreaterThan(100)
  expect(many.totalCount).toBe(2)
  await many.end()
})
