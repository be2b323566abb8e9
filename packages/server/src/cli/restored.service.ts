import pg from 'pg'
import { applicationRole } from '../db/database.ts'
import { CommandFailure } from './failure.ts'

/** What had to be done to a restored database. */
export interface Mended {
  readonly epoch: string
  /** Changes whose transactions belong to another cluster. */
  readonly changes: number
  readonly sessions: number
  readonly links: number
}

/** Sessions that may be a server's: of whoever may work as the application. Who only watches is no hindrance. */
const others = `
  select a.pid, a.usename as name, coalesce(host(a.client_addr), 'this machine') as place from pg_stat_activity a
  where a.datname = current_database() and a.pid <> pg_backend_pid()
    and coalesce(a.backend_type, 'client backend') = 'client backend'
    and pg_has_role(a.usesysid, $1, 'member')
  order by a.backend_start limit 1`

const changeEpoch = `
  update parley.installation set epoch = encode(sha256(gen_random_uuid()::text::bytea), 'hex') returning epoch`

/** Servers follow the log by transaction numbers; those that a dump brings from another cluster must not lie in the future. */
const takeOverChanges = `
  update parley.changes set xid = pg_current_xact_id() where xid >= pg_snapshot_xmax(pg_current_snapshot())`

/** Marks that moved in another cluster, where the backup is young enough to know of them; what they came to stands with the participants. */
const forgetMarkMoves = `
  do $$ begin if to_regclass('parley.mark_moves') is not null then truncate parley.mark_moves; end if; end $$`

async function refuseWithoutParley(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(
    `select to_regclass('parley.installation') is not null
       and exists (select from pg_roles where rolname = $1) as there`,
    [applicationRole],
  )
  if (!rows[0]?.there) throw new CommandFailure('There is no Parley in this database yet; restore the backup first.')
}

async function refuseWithOthers(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ pid: number; name: string; place: string }>(others, [applicationRole])
  const [other] = rows
  if (!other) return
  const who = `${other.name} from ${other.place}, PostgreSQL process ${other.pid}`
  throw new CommandFailure(`This database is in use (${who}). Stop all servers and end other sessions first.`)
}

/** With the lock, a server that starts meanwhile waits for the new epoch; one that has come before is seen. */
async function mend(client: pg.Client): Promise<Mended> {
  await client.query(`set local lock_timeout = '5s'`)
  await client.query('lock table parley.installation in access exclusive mode')
  await refuseWithOthers(client)
  const epoch = (await client.query<{ epoch: string }>(changeEpoch)).rows[0]?.epoch ?? ''
  const changes = (await client.query(takeOverChanges)).rowCount ?? 0
  await client.query(forgetMarkMoves)
  const sessions = (await client.query('delete from parley.sessions')).rowCount ?? 0
  const links = (await client.query('delete from parley.sign_in_links')).rowCount ?? 0
  return { epoch, changes, sessions, links }
}

/**
 * Makes a database that was brought back to an older state fit to be served: another history by name, transaction numbers of this
 * cluster, and nobody signed in who may have signed out since. All of it or nothing; doing it twice does no harm.
 * @param connection how to reach it as its owner
 * @throws CommandFailure when it holds no Parley, or when a server may be using it
 */
export async function mendRestored(connection: pg.PoolConfig): Promise<Mended> {
  const client = new pg.Client({ connectionTimeoutMillis: 5_000, ...connection })
  await client.connect()
  try {
    await refuseWithoutParley(client)
    await refuseWithOthers(client)
    await client.query('begin')
    const mended = await mend(client)
    await client.query('commit')
    return mended
  } finally {
    await client.end()
  }
}
