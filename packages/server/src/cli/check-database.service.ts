import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { applicationRole } from '../db/database.ts'
import { CommandFailure } from './failure.ts'

const oldestVersion = 150_000
const migrationsFolder = join(import.meta.dirname, '../db/migrations')

async function ask<Row extends object>(connection: pg.PoolConfig, text: string, ...values: unknown[]): Promise<Row[]> {
  const client = new pg.Client({ connectionTimeoutMillis: 5_000, ...connection })
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}

/** Whether the database answers and is new enough. */
export async function checkVersion(connection: pg.PoolConfig): Promise<string> {
  const [row] = await ask<{ number: number; name: string }>(
    connection,
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as name`,
  )
  if (!row || row.number < oldestVersion) throw new CommandFailure(`PostgreSQL ${row?.name}; 15 or newer is needed`)
  return `PostgreSQL ${row.name}`
}

async function applied(connection: pg.PoolConfig): Promise<Set<string>> {
  const table = 'parley_migrations.kysely_migration'
  const [found] = await ask<{ there: boolean }>(connection, 'select to_regclass($1) is not null as there', table)
  const rows = found?.there ? await ask<{ name: string }>(connection, `select name from ${table}`) : []
  return new Set(rows.map((row) => row.name))
}

/** Whether every migration of this program was applied. */
export async function checkMigrations(connection: pg.PoolConfig): Promise<string> {
  const there = await applied(connection)
  const known = readdirSync(migrationsFolder)
    .filter((file) => /^\d{4}_\w+\.ts$/.test(file))
    .map((file) => file.replace(/\.ts$/, ''))
  const missing = known.filter((name) => !there.has(name))
  if (missing.length > 0)
    throw new CommandFailure(`${missing.join(', ')} missing; run parley migrate, or start the server`)
  return `${known.length} applied`
}

/** Powers that would let the application's role past row-level security. */
const powers = `
  select c.relname as name from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = $1
  union all select 'superuser' from pg_roles where rolname = $1 and rolsuper
  union all select 'bypassrls' from pg_roles where rolname = $1 and rolbypassrls
  union all select 'unprotected table ' || c.relname from pg_class c
    where c.relnamespace = 'parley'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity`

const tables = `
  select c.relname as name from pg_class c
  where c.relnamespace = 'parley'::regnamespace and c.relkind in ('r', 'p', 'v') and c.relname <> 'installation'
    and has_table_privilege($1, c.oid, 'select') order by 1`

/** Tables of which the application's role sees a row before it has said who asks. */
async function open(connection: pg.PoolConfig, names: readonly string[]): Promise<string[]> {
  const asApplication = { ...connection, options: `-c role=${applicationRole} -c search_path=parley` }
  const looks = names.map(
    (name) => `select '${name}' as name where exists (select 1 from ${pg.escapeIdentifier(name)})`,
  )
  const rows = looks.length === 0 ? [] : await ask<{ name: string }>(asApplication, looks.join(' union all '))
  return rows.map((row) => row.name)
}

/**
 * Whether row-level security really holds: the application's role owns nothing, has no power to pass it, every table is under it, and
 * without the settings of a transaction it shows nothing.
 */
export async function checkAccess(connection: pg.PoolConfig): Promise<string> {
  const [role] = await ask(connection, 'select 1 from pg_roles where rolname = $1', applicationRole)
  if (!role) throw new CommandFailure(`there is no role ${applicationRole}; run parley migrate`)
  const excess = await ask<{ name: string }>(connection, powers, applicationRole)
  if (excess.length > 0)
    throw new CommandFailure(`${applicationRole} has or owns: ${excess.map((row) => row.name).join(', ')}`)
  const names = (await ask<{ name: string }>(connection, tables, applicationRole)).map((row) => row.name)
  const visible = await open(connection, names)
  if (visible.length > 0) throw new CommandFailure(`${applicationRole} sees without being asked: ${visible.join(', ')}`)
  return `${applicationRole} owns nothing; ${names.length} tables show it nothing unasked`
}
