import { createTestDatabase, type TestDatabase } from '@parley/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase, type Scope, statement } from './database.ts'

let owned: TestDatabase
let db: Database

const scope: Scope = { kind: 'system', workspaceId: 'w1' }
/** Longer than anybody waits, and shorter than the database's own limit. */
const sleepLong = statement('', 'select pg_sleep(9.6)')
const one = statement('', 'select 1 as one')

beforeAll(async () => {
  owned = await createTestDatabase()
  db = await openDatabase(owned.connection, pino({ level: 'silent' }), 1)
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
