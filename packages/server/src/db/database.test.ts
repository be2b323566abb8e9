import { setTimeout as sleep } from 'node:timers/promises'
import { createTestDatabase, type TestDatabase } from '@parley/testing'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type Database, openDatabase, type Scope } from './database.ts'
import { statement } from './statement.ts'

let owned: TestDatabase
let db: Database

const scope: Scope = { kind: 'system', workspaceId: 'w1' }
const at = '2026-01-31T09:05:00.120Z'
/** Longer than anybody waits, and shorter than the database's own limit. */
const sleepLong = statement('', 'select pg_sleep(9.6)')
const one = statement('', 'select 1 as one')
const pid = statement('', 'select pg_backend_pid() as pid, pg_sleep(0.05)')
/** As a connection to a database that has become the standby of another one. */
const keepReadOnly = statement('', `select set_config('default_transaction_read_only', 'on', false)`)
const touch = statement('', `delete from sessions where user_id = 'nobody'`)
const divide = statement('test-divide', 'select 12 / $1::int as quotient')
const echo = statement(
  'test-echo',
  'select $1::text[] as texts, $2::bool as yes, $3::int8 as big, $4::text as nothing, $5::timestamptz as at',
)

beforeAll(async () => {
  owned = await createTestDatabase()
  db = await openDatabase(owned.connection, pino({ level: 'silent' }), 1)
})

afterEach(() => {
  vi.useRealTimers()
})

afterAll(async () => {
  await db.close()
  await owned.drop()
})

test('G11 a database that does not answer keeps nobody for 10 s, is said to be away meanwhile, and serves the next one', async () => {
  const begun = performance.now()
  const slow = db.transaction('read', scope, (tx) => tx.query(sleepLong))
  const [waiting, ready] = [db.transaction('read', scope, (tx) => tx.query(one)), db.ping()]
  await expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
  expect(await ready).toBe(false)
  await expect(slow).rejects.toMatchObject({ code: 'unavailable' })
  expect(performance.now() - begun).toBeLessThan(9_500)
  expect(await db.ping()).toBe(true)
  expect(await db.transaction('read', scope, (tx) => tx.query(one))).toEqual([{ one: 1 }])
})

test('G11 a connection that takes no writes any more is given up, and the database is not said to be ready meanwhile', async () => {
  const write = () => db.transaction('write', scope, (tx) => tx.query(touch))
  await sleep(1_100)
  await db.transaction('read', scope, (tx) => tx.query(keepReadOnly))
  await expect(write()).rejects.toMatchObject({ code: 'unavailable' })
  expect(await write()).toEqual([])
  await sleep(1_100)
  await db.transaction('read', scope, (tx) => tx.query(keepReadOnly))
  expect([await db.ping(), await db.ping()]).toEqual([false, true])
})

test('G1 statements of a transaction go together; each has its own answer, by name and without', async () => {
  const values = [['a', 'b "c" \\', null], true, 2 ** 40, null, new Date(at)]
  const answers = await db.transaction('read', scope, (tx) =>
    Promise.all([tx.query(divide, [3]), tx.query(echo, values), tx.query(one), tx.query(divide, [4])]),
  )
  expect(answers).toEqual([
    [{ quotient: 4 }],
    [{ texts: values[0], yes: true, big: 2 ** 40, nothing: null, at }],
    [{ one: 1 }],
    [{ quotient: 3 }],
  ])
})

test('G1 a statement by name has the same answer each time, described or not, with rows, with none and with no columns', async () => {
  const names = statement('test-names', 'select x as name, null as nothing from unnest($1::text[]) as x')
  const setting = statement('test-setting', 'set local work_mem = 65536')
  const work = (given: readonly string[]) =>
    db.transaction('read', scope, (tx) =>
      Promise.all([tx.query(names, [given]), tx.query(setting), tx.query(one), tx.query(names, [given])]),
    )
  const rowsOf = (given: readonly string[]) => given.map((name) => ({ name, nothing: null }))
  for (const given of [['a', 'b'], [], ['c'], ['d', 'e']]) {
    expect(await work(given)).toEqual([rowsOf(given), [], [{ one: 1 }], rowsOf(given)])
  }
  const failing = db.transaction('read', scope, (tx) => Promise.all([tx.query(divide, [0]), tx.query(names, [['f']])]))
  await expect(failing).rejects.toMatchObject({ code: 'invalid' })
  expect(await work(['g'])).toEqual([rowsOf(['g']), [], [{ one: 1 }], rowsOf(['g'])])
})

test('G1 a statement by name whose columns were changed meanwhile is refused, not misread', async () => {
  const client = new pg.Client(owned.connection)
  await client.connect()
  try {
    await client.query('create table parley.shifting (first text); grant select on parley.shifting to parley_app')
    await client.query("insert into parley.shifting values ('one')")
    const shifting = statement('test-shifting', 'select * from shifting')
    expect(await db.read(scope, shifting)).toEqual([{ first: 'one' }])
    expect(await db.read(scope, shifting)).toEqual([{ first: 'one' }])
    await client.query("alter table parley.shifting add column second text default 'two'")
    await expect(db.read(scope, shifting)).rejects.toThrow('cached plan must not change result type')
  } finally {
    await client.end()
  }
})

test('G1 what fails is the answer to all behind it, commits nothing, and leaves a connection that serves the next one', async () => {
  const add = statement('test-add', "insert into workspaces (id, name) values ($1, 'Added')")
  const seen: PromiseSettledResult<object[]>[] = []
  const failing = db.transaction('write', { kind: 'system', workspaceId: 'added' }, async (tx) => {
    tx.send(add, ['added'])
    seen.push(
      ...(await Promise.allSettled([
        tx.query(divide, [2]),
        tx.query(divide, [0]),
        tx.query(echo, [[], true, 1, '', at]),
      ])),
    )
    seen.push(...(await Promise.allSettled([tx.query(one)])))
  })
  await expect(failing).rejects.toMatchObject({ code: 'invalid' })
  const [fine, failed, ...behind] = seen
  expect(fine).toEqual({ status: 'fulfilled', value: [{ quotient: 6 }] })
  expect(failed).toMatchObject({ status: 'rejected', reason: { code: '22012' } })
  expect(behind).toEqual([failed, failed])
  expect(await db.transaction('read', scope, (tx) => tx.query(echo, [['x'], false, 1, '', at]))).toHaveLength(1)
  expect(await owned.query("select 1 from workspaces where id = 'added'")).toEqual([])
})

test('G1 a statement that nobody waits for fails the commit', async () => {
  const failing = db.transaction('write', scope, async (tx) => void tx.send(divide, [0]))
  await expect(failing).rejects.toMatchObject({ code: 'invalid' })
})

test('G1 a transaction of one trip is one, and is done when it is answered; one that fails at its end has done nothing', async () => {
  const client = new pg.Client(owned.connection)
  await client.connect()
  const add = statement(
    'test-late',
    'insert into late values ($1, $2) returning pg_current_xact_id()::text as transaction',
  )
  const ids = async () => (await client.query('select id from parley.late order by id')).rows.map(({ id }) => id)
  try {
    await client.query(`create table parley.late (id int primary key, needs int references parley.late deferrable initially deferred);
      grant select, insert on parley.late to parley_app`)
    const both = await db.transaction('write', scope, async (tx) => [tx.send(add, [1, 2]), tx.send(add, [2, 1])])
    expect(await ids()).toEqual([1, 2])
    const [first, second] = await Promise.all(both.map((answer) => answer()))
    expect(first).toEqual(second)
    const failing = db.transaction('write', scope, async (tx) => [tx.send(add, [3, 1]), tx.send(add, [4, 5])])
    await expect(failing).rejects.toThrow('foreign key')
    expect(await ids()).toEqual([1, 2])
    await db.transaction('write', scope, async (tx) => void tx.send(add, [6, 6]))
    expect(await ids()).toEqual([1, 2, 6])
  } finally {
    await client.end()
  }
})

test('G1 one statement is read in one trip, within its scope; what fails is said, and the next one is served', async () => {
  await owned.query(`insert into workspaces (id, name) values ('w1', 'One'), ('w2', 'Two') on conflict do nothing`)
  const seen = statement('test-seen', 'select id from workspaces order by id')
  expect(await db.read(scope, seen)).toEqual([{ id: 'w1' }])
  await expect(db.read(scope, divide, [0])).rejects.toMatchObject({ code: 'invalid' })
  expect(await db.read(scope, divide, [6])).toEqual([{ quotient: 2 }])
})

/** How many of some sessions the database has. */
async function countOf(sessions: readonly number[]): Promise<number> {
  const client = new pg.Client(owned.connection)
  await client.connect()
  try {
    const { rows } = await client.query('select 1 from pg_stat_activity where pid = any($1)', [sessions])
    return rows.length
  } finally {
    await client.end()
  }
}

test('RUN-9 connections that a busy moment opened stay for a minute, and four of them for good', async () => {
  const busy = await openDatabase(owned.connection, pino({ level: 'silent' }), 7)
  try {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const ask = () => busy.transaction('read', scope, (tx) => tx.query<{ pid: number }>(pid))
    const sessions = (await Promise.all(Array.from({ length: 7 }, ask))).flatMap((rows) => rows.map((row) => row.pid))
    expect(new Set(sessions).size).toBe(7)
    await vi.advanceTimersByTimeAsync(59_000)
    expect(await countOf(sessions)).toBe(7)
    await vi.advanceTimersByTimeAsync(600_000)
    vi.useRealTimers()
    await expect.poll(() => countOf(sessions), { timeout: 5_000 }).toBe(4)
  } finally {
    await busy.close()
  }
})
