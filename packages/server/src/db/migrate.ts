import { Kysely, PostgresDialect } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import pg from 'pg'
import * as core from './migrations/0001_core.ts'
import * as tail from './migrations/0002_tail.ts'
import * as hotRows from './migrations/0003_hot_rows.ts'
import * as cache from './migrations/0004_cache.ts'
import * as endedTokens from './migrations/0005_ended_tokens.ts'
import * as recalledHeads from './migrations/0006_recalled_heads.ts'
import * as youngTables from './migrations/0007_young_tables.ts'
import * as rarerLooks from './migrations/0008_rarer_looks.ts'
import * as lighterLooks from './migrations/0009_lighter_looks.ts'
import * as loneHeads from './migrations/0010_lone_heads.ts'
import * as markMoves from './migrations/0011_mark_moves.ts'
import * as outsiders from './migrations/0012_outsiders.ts'
import * as claimsIssuedAt from './migrations/0013_claims_issued_at.ts'
import * as keptChanges from './migrations/0014_kept_changes.ts'
import * as revocations from './migrations/0015_revocations.ts'

/** Every migration, by name, in order. Forward only. */
const migrations: Record<string, Migration> = {
  '0001_core': core,
  '0002_tail': tail,
  '0003_hot_rows': hotRows,
  '0004_cache': cache,
  '0005_ended_tokens': endedTokens,
  '0006_recalled_heads': recalledHeads,
  '0007_young_tables': youngTables,
  '0008_rarer_looks': rarerLooks,
  '0009_lighter_looks': lighterLooks,
  '0010_lone_heads': loneHeads,
  '0011_mark_moves': markMoves,
  '0012_outsiders': outsiders,
  '0013_claims_issued_at': claimsIssuedAt,
  '0014_kept_changes': keptChanges,
  '0015_revocations': revocations,
}

/** The oldest PostgreSQL that works, as `server_version_num`. */
const oldestVersion = 150_000

/** The database does not let this owner do what a migration does; an administrator of the database must help. */
export class MigrationRefused extends Error {
  constructor(cause: pg.DatabaseError) {
    super(cause.message, { cause })
    this.name = 'MigrationRefused'
  }
}

const insufficientPrivilege = '42501'

function isRefusal(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && error.code === insufficientPrivilege
}

async function checkVersion(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ server_version_num: string }>('show server_version_num')
  const version = Number(rows[0]?.server_version_num)
  if (version < oldestVersion) throw new Error(`PostgreSQL 15 or newer is needed, this one reports ${version}`)
}

/**
 * Brings the schema up to date, as the owner. Safe to run from several servers at once.
 * @param connection how to reach the database as its owner
 * @returns names of the migrations that were applied now
 * @throws MigrationRefused when the owner lacks a right, with what to do about it
 */
export async function migrate(connection: pg.PoolConfig): Promise<string[]> {
  const pool = new pg.Pool({ ...connection, max: 2, connectionTimeoutMillis: 10_000 })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  try {
    await checkVersion(pool)
    await pool.query('create schema if not exists parley')
    const migrator = new Migrator({
      db,
      provider: { getMigrations: async () => migrations },
      migrationTableSchema: 'parley_migrations',
    })
    const { error, results } = await migrator.migrateToLatest()
    if (error) throw error
    return (results ?? []).filter((result) => result.status === 'Success').map((result) => result.migrationName)
  } catch (error) {
    throw isRefusal(error) ? new MigrationRefused(error) : error
  } finally {
    await db.destroy()
  }
}
