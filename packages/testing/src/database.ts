import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { templateName } from './template.ts'

/** The URL of a database that is reached over a Unix socket. */
export function urlOf({ user, host, database }: pg.PoolConfig): string {
  return `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(String(host))}`
}

/** A database of one test file. */
export interface TestDatabase {
  /** How to reach it as its owner. */
  readonly connection: pg.PoolConfig
  /** Runs SQL as the owner, who sees every row. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Ends the connections and drops the database. */
  drop(): Promise<void>
}

async function asAdmin(connection: pg.ClientConfig, text: string): Promise<void> {
  const client = new pg.Client({ ...connection, database: 'postgres' })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

/** Clones the migrated template. Bigints come back as numbers. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = inject('postgres')
  const database = `parley_${randomBytes(6).toString('hex')}`
  await asAdmin(server, `create database ${database} template ${templateName}`)
  const connection = { ...server, database }
  const types = new pg.TypeOverrides()
  types.setTypeParser(pg.types.builtins.INT8, Number)
  const pool = new pg.Pool({ ...connection, max: 4, types, options: '-c search_path=parley' })
  return {
    connection,
    query: async (text, values = []) => (await pool.query(text, [...values])).rows,
    drop: async () => {
      await pool.end()
      await asAdmin(server, `drop database if exists ${database}`)
    },
  }
}
