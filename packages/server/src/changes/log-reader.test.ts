import { createTestDatabase, type TestDatabase } from '@parley/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../db/database.ts'
import { LogReader } from './log-reader.ts'

const log = pino({ level: 'silent' })
const logs = Array.from({ length: 40 }, (_, index) => `c${index}`)

let owned: TestDatabase
let db: Database
let readings = 0
let underWay = 0
let most = 0

/** The same database, watched. */
const watched: Pick<Database, 'transaction'> = {
  transaction: async (mode, scope, work) => {
    readings += 1
    underWay += 1
    most = Math.max(most, underWay)
    try {
      return await db.transaction(mode, scope, work)
    } finally {
      underWay -= 1
    }
  },
}

beforeAll(async () => {
  owned = await createTestDatabase()
  db = await openDatabase(owned.connection, log)
  await owned.query(`insert into workspaces (id, name) values ('w1', 'One')`)
  await owned.query(
    `insert into changes (workspace_id, conversation_id, seq, public_seq, type, actor_id, entity_id, audience)
     select 'w1', c, 1, 1, 'participant-removed', 'ana', c || '-1', 'everyone' from unnest($1::text[]) c`,
    [logs],
  )
})

afterAll(async () => {
  await db.close()
  await owned.drop()
})

test('G4 logs that are asked for while three readings are under way gather, and each gets its own', async () => {
  const reader = new LogReader({ db: { ...db, ...watched } })
  const read = async (conversationId: string, turns: number) => {
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate)
    const { changes } = await reader.read('w1', { conversationId, after: 0 })
    return changes.map((change) => change.entity_id)
  }
  const found = await Promise.all(logs.map((id, index) => read(id, index)))
  expect(found).toEqual(logs.map((id) => [`${id}-1`]))
  expect(most).toBeLessThanOrEqual(3)
  expect(readings).toBeLessThan(logs.length)
})

test('G4 a reading that fails is said to all of it, and the next one reads again', async () => {
  const reader = new LogReader({ db })
  const wrong = Number.MAX_VALUE
  const asks = [0, wrong].map((after) => reader.read('w1', { conversationId: 'c0', after }))
  expect((await Promise.allSettled(asks)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect((await reader.read('w1', { conversationId: 'c0', after: 0 })).changes).toHaveLength(1)
})
