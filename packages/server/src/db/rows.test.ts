import { createTestDatabase, type TestDatabase } from '@parley/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase, type Scope } from './database.ts'
import { rowsStatement, withRows } from './rows.ts'

let owned: TestDatabase
let db: Database

const scope: Scope = { kind: 'system', workspaceId: 'w1' }
const types = ['text', 'bigint', 'bool', 'jsonb', 'text']
const echo = rowsStatement(
  'test-rows',
  (rows) => `select $1::text as workspace, x.*, x.name ${rows.equal(2)} as among
    from ${rows.of(2, types)} as x(name, size, flag, data, nothing)`,
)
const given = [
  ['a', 'b "c" \\ {,}'],
  [1, 2 ** 40],
  [true, false],
  ['{"k":[1]}', '[]'],
  [null, null],
]
const expected = [
  { workspace: 'w1', name: 'a', size: 1, flag: true, data: { k: [1] }, nothing: null, among: true },
  { workspace: 'w1', name: 'b "c" \\ {,}', size: 2 ** 40, flag: false, data: [], nothing: null, among: true },
]

beforeAll(async () => {
  owned = await createTestDatabase()
  db = await openDatabase(owned.connection, pino({ level: 'silent' }), 1)
})

afterAll(async () => {
  await db.close()
  await owned.drop()
})

test('G1 rows reach a statement as they are, none, one alone, or several together', async () => {
  const columnsOf = (...chosen: readonly number[]) => given.map((column) => chosen.map((row) => column[row]))
  const read = (...chosen: readonly number[]) => db.read(scope, ...withRows(echo, 'w1', columnsOf(...chosen)))
  expect(await read(0, 1)).toEqual(expected)
  for (const row of [0, 1, 0]) expect(await read(row)).toEqual([expected[row]])
  expect(await read()).toEqual([])
  expect(withRows(echo, 'w1', columnsOf(1))[0]).toBe(echo.one)
  expect(withRows(echo, 'w1', columnsOf(0, 1))[0]).toBe(echo.many)
})
