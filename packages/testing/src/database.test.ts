import { expect, test } from 'vitest'
import { createTestDatabase } from './database.ts'

test('a test database has the schema, and another test does not see its rows', async () => {
  const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()])
  await one.query(`insert into workspaces (id, name) values ('w1', 'One')`)
  expect(await one.query('select id from workspaces')).toEqual([{ id: 'w1' }])
  expect(await two.query('select id from workspaces')).toEqual([])
  await Promise.all([one.drop(), two.drop()])
})
