import { setTimeout as sleep } from 'node:timers/promises'
import { createTestDatabase } from '@parley/testing'
import pg from 'pg'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { openDatabase } from './database.ts'
import { watchYoungTables } from './young-tables.ts'

const log = pino({ level: 'silent' })
const lookUp = `select m.id from unnest($1::text[]) as x(id)
  cross join lateral (select id from parley.messages where workspace_id = 'w1' and id = x.id offset 0) m`

/** Messages with the numbers from the first to the last. */
function fill(first: number, last: number): string {
  return `insert into parley.messages (workspace_id, id, conversation_id, seq, public_seq, sender_id, client_key, body_hash, kind, audience, text)
    select 'w1', n::text, 'c1', n, n, 'ana', n::text, '', 'internal', 'everyone', 'Hello ' || n from generate_series(${first}, ${last}) n`
}

const rowsKnown = `select reltuples::int as rows from pg_class where oid = 'parley.messages'::regclass`
/** How many values the planner keeps of how ids are spread: one more than the sample is asked for. */
const sample = `select array_length(histogram_bounds::text::text[], 1) as bounds from pg_stats
  where tablename = 'messages' and attname = 'id'`
const leaveToUs = 'alter table parley.messages set (autovacuum_enabled = off)'

test('RUN-7 a plan that was made on an empty table is made anew when the table has grown, and goes by the key', async () => {
  const database = await createTestDatabase()
  const db = await openDatabase(database.connection, log)
  const client = new pg.Client(database.connection)
  await client.connect()
  const known = async () => {
    const { rows } = await client.query(rowsKnown)
    return rows[0].rows as number
  }
  try {
    await database.query(`insert into workspaces (id, name) values ('w1', 'One')`)
    await database.query(`insert into users (workspace_id, id, name, role) values ('w1', 'ana', 'Ana', 'member')`)
    await client.query(leaveToUs)
    await client.query(`set plan_cache_mode = force_generic_plan`)
    await client.query(`prepare look_up (text[]) as ${lookUp}`)
    const touched = async () => {
      const { rows } = await client.query(`explain (analyze, format json) execute look_up('{5000}')`)
      return JSON.stringify(rows)
    }
    await touched()
    await client.query(fill(1, 20_000))
    expect(await known()).toBe(-1)
    const stop = watchYoungTables(db, log)
    while ((await known()) < 20_000) await sleep(50)
    stop()
    const plan = await touched()
    expect(plan).toContain('messages_pkey')
    expect(plan).not.toContain('Rows Removed by Filter')
  } finally {
    await client.end()
    await db.close()
    await database.drop()
  }
})

test('RUN-7 a table is looked at when it has more than ten pages, and again when it has grown eightfold, each time roughly', async () => {
  const database = await createTestDatabase()
  const client = new pg.Client(database.connection)
  await client.connect()
  const knownAfter = async (first: number, last: number) => {
    await client.query(fill(first, last))
    await client.query('select parley.analyze_young()')
    const { rows } = await client.query(rowsKnown)
    return rows[0].rows as number
  }
  try {
    await client.query(leaveToUs)
    expect(await knownAfter(1, 100)).toBe(-1)
    expect(await knownAfter(101, 1_500)).toBe(1_500)
    expect(await knownAfter(1_501, 9_000)).toBe(1_500)
    expect(await knownAfter(9_001, 15_000)).toBe(15_000)
    const { rows } = await client.query(sample)
    expect(rows).toEqual([{ bounds: 11 }])
  } finally {
    await client.end()
    await database.drop()
  }
})
