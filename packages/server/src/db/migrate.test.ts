import { startPostgres, type TestPostgres } from '@parley/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { applicationRole } from './database.ts'
import { MigrationRefused, migrate } from './migrate.ts'

let postgres: TestPostgres
let owner: pg.PoolConfig

async function administrate(text: string): Promise<void> {
  const client = new pg.Client({ ...postgres.connection, database: 'postgres' })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

async function refusal(): Promise<string> {
  const error: unknown = await migrate(owner).catch((reason: unknown) => reason)
  if (error instanceof MigrationRefused) return error.message
  throw new Error('It was not refused', { cause: error })
}

/** What an administrator is told to run. */
async function obey(message: string): Promise<void> {
  await administrate(/run: (.+)$/.exec(message)?.[1] ?? '')
}

beforeAll(async () => {
  postgres = startPostgres()
  await administrate('create role "Poor owner" login')
  await administrate('create database mine owner "Poor owner"')
  owner = { ...postgres.connection, user: 'Poor owner', database: 'mine' }
})

afterAll(() => postgres.stop())

test('an owner without CREATEROLE is told what an administrator has to run, and then migrates', async () => {
  const missing = await refusal()
  expect(missing).toContain(`create role ${applicationRole} nologin; grant ${applicationRole} to "Poor owner";`)
  await administrate(`create role ${applicationRole} nologin`)
  const notGiven = await refusal()
  expect(notGiven).toMatch(new RegExp(`run: grant ${applicationRole} to "Poor owner";$`))
  await administrate(`drop role ${applicationRole}`)
  await obey(missing)
  expect(await migrate(owner)).toContain('0001_core')
  expect(await migrate(owner)).toEqual([])
})
