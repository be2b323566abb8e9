import { createTestDatabase, type TestDatabase } from '@parley/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase, type Scope, Stale } from './database.ts'
import { statement } from './statement.ts'

let owned: TestDatabase
let db: Database

const scope: Scope = { kind: 'system', workspaceId: 'w' }
const requireHeads = statement('test-require-heads', "select require_heads('w', $1, $2, $3) is not null as granted")
const holdFirst = statement('test-hold', "select 1 from conversations where workspace_id = 'w' and id = 'a' for update")

beforeAll(async () => {
  owned = await createTestDatabase()
  db = await openDatabase(owned.connection, pino({ level: 'silent' }), 2)
  await owned.query("insert into workspaces (id, name) values ('w', 'W')")
  await owned.query("insert into organizations (workspace_id, id, name, kind) values ('w', 'o', 'O', 'own')")
  await owned.query(
    "insert into users (workspace_id, id, name, role, organization_id) values ('w', 'u', 'U', 'member', 'o')",
  )
  await owned.query(`insert into conversations (workspace_id, id, kind, direct, created_by, seq)
    values ('w', 'a', 'internal', false, 'u', 3), ('w', 'b', 'internal', false, 'u', 5)`)
})

afterAll(async () => {
  await db.close()
  await owned.drop()
})

const ask = (ids: readonly string[], heads: readonly number[], people: number) =>
  db.transaction('write', scope, (tx) => tx.query(requireHeads, [ids, heads, people]))

test('G4 what is recalled of one conversation or of several is granted when it is so, and refused when anything is not', async () => {
  const [row] = await owned.query<{ people: number }>('select people_version::int as people from workspaces')
  const people = row?.people ?? -1
  const granted = [{ granted: true }]
  expect(await ask(['a'], [3], people)).toEqual(granted)
  expect(await ask(['a', 'b'], [3, 5], people)).toEqual(granted)
  const wrong: [string[], number[], number][] = [
    [['a'], [2], people],
    [['a'], [3], people + 1],
    [['c'], [3], people],
    [['a', 'b'], [3, 4], people],
    [['a', 'b'], [5, 3], people],
    [['a', 'b'], [3, 5], people + 1],
    [['a', 'c'], [3, 5], people],
  ]
  for (const [ids, heads, version] of wrong) await expect(ask(ids, heads, version)).rejects.toThrow(Stale)
  await db.transaction('write', scope, async (tx) => {
    await tx.query(holdFirst)
    await expect(ask(['a'], [3], people)).rejects.toThrow(Stale)
    await expect(ask(['a', 'b'], [3, 5], people)).rejects.toThrow(Stale)
    expect(await ask(['b'], [5], people)).toEqual(granted)
  })
})
