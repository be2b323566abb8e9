import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../server/src/db/migrate.ts'
import { startPostgres } from './postgres.ts'
import { templateName } from './template.ts'

/** One PostgreSQL for the whole run, with a migrated template; stopped at the end. */
export async function setup(project: TestProject): Promise<() => void> {
  const postgres = startPostgres()
  const { connection } = postgres
  try {
    const admin = new pg.Client({ ...connection, database: 'postgres' })
    await admin.connect()
    await admin.query(`create database ${templateName}`)
    await admin.end()
    await migrate({ ...connection, database: templateName })
  } catch (error) {
    postgres.stop()
    throw error
  }
  project.provide('postgres', { host: String(connection.host), user: String(connection.user) })
  return () => postgres.stop()
}
