import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectAsOwner } from '../../packages/testing/src/owner.ts'
import { startPostgres } from '../../packages/testing/src/postgres.ts'
import { freePort } from '../../packages/testing/src/program.ts'
import { pinTree, serverCores } from './processes.ts'

/** A PostgreSQL of the measurement's own: fsync on, acknowledged is on the disk. */
export interface Database {
  readonly pid: number
  readonly port: number
  /** Makes an empty database and tells its URL. */
  create(name: string): string
  /** Runs SQL, or a file of it, as the superuser. */
  run(name: string, ...args: readonly string[]): string
  drop(name: string): void
  /** See {@link writeLogAhead}. */
  writeLogAhead(): Promise<void>
  stop(): void
}

const settings = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  listen_addresses: '127.0.0.1',
}

/** Files of a database's log, 16 MB each. */
const logFiles = 64

type Connection = Parameters<typeof connectAsOwner>[0]

/** A database that has run for a while writes its log into files from before; a new one makes each of them first, while commits wait. */
export async function writeLogAhead(connection: Connection): Promise<void> {
  const owner = await connectAsOwner(connection)
  for (let file = 0; file < logFiles; file++) {
    await owner.query("select pg_logical_emit_message(false, 'bench', '')", [])
    await owner.query('select pg_switch_wal()', [])
  }
  await owner.query('checkpoint', [])
  await owner.end()
}

/** Starts PostgreSQL on the server's cores. */
export async function startDatabase(): Promise<Database> {
  const port = await freePort()
  const { connection, stop } = startPostgres({ ...settings, port: String(port) })
  const pid = Number(readFileSync(join(String(connection.host), 'data/postmaster.pid'), 'utf8').split('\n')[0])
  pinTree(pid, serverCores)
  let running = true
  const run = (name: string, ...args: readonly string[]) => {
    const target = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-d', name]
    return execFileSync('psql', [...target, '-XqAt', '-v', 'ON_ERROR_STOP=1', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  }
  return {
    pid,
    port,
    run,
    create: (name) => {
      run('postgres', '-c', `create database ${name}`)
      return `postgresql://postgres@127.0.0.1:${port}/${name}`
    },
    drop: (name) => void run('postgres', '-c', `drop database if exists ${name} with (force)`),
    writeLogAhead: () => writeLogAhead({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }),
    stop: () => {
      if (running) stop()
      running = false
    },
  }
}
