import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'
import { claimDataDirectory, type DataDirectory } from './data-directory.ts'
import { sessionsOfProcess } from './database.ts'
import { findLauncher, type Launcher } from './embedded-binaries.ts'

/** A PostgreSQL of our own, in the data directory. */
export interface Embedded {
  /** How to reach it as its owner. */
  readonly connection: pg.ClientConfig
  /** Process id of the database server that runs now. */
  pid(): number | undefined
  /** Stops it and gives the data directory free. */
  stop(): Promise<void>
}

const database = 'parley'
const owner = 'parley'
const startLimit = 15_000
const pollInterval = 15
const fastStopLimit = 8_000
const longestSocketPath = 90
const firstBackoff = 100
const longestBackoff = 5_000
const steadyAfter = 10_000

const settings = {
  listen_addresses: '',
  shared_buffers: '128MB',
  min_wal_size: '512MB',
  max_wal_size: '2GB',
  jit: 'off',
  log_min_messages: 'warning',
  timezone: 'UTC',
}

/** How many sessions it takes: all that the processes of its server may ask for, and as many as one of them for commands. */
function sessionsFor(processes: number): number {
  return Math.max(100, (processes + 1) * sessionsOfProcess)
}

function socketDirOf(dataDir: string): string {
  const near = join(dataDir, 'run')
  if (`${near}/.s.PGSQL.5432`.length <= longestSocketPath) return near
  return join(tmpdir(), `parley-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`)
}

/**
 * How to reach the embedded database of a data directory that a running server holds.
 * @param dataDir absolute path of the data directory
 */
export function connectionOf(dataDir: string): pg.ClientConfig {
  return { host: socketDirOf(dataDir), port: 5432, user: owner, database }
}

function runToEnd(launcher: Launcher, program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const [command, rest] = launcher.command(program, args, false)
    const child = spawn(command, rest, { ...launcher.options, stdio: ['ignore', 'ignore', 'pipe'] })
    let complaint = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint += chunk.toString()
    })
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${program} failed: ${complaint.trim()}`))))
  })
}

/** Makes the database's files beside their place and moves them there whole: a half-made one is never used. */
async function initialize(launcher: Launcher, files: string): Promise<void> {
  if (existsSync(join(files, 'PG_VERSION'))) return
  const fresh = `${files}.new`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { mode: 0o700 })
  launcher.own(fresh)
  const locale = ['--locale-provider=builtin', '--locale=C.UTF-8', '--encoding=UTF8']
  await runToEnd(launcher, 'initdb', ['-D', fresh, '-U', owner, '-A', 'trust', ...locale])
  renameSync(fresh, files)
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The database server that a dead predecessor of ours left running on these files, if it really is one. */
function orphanOn(files: string): number | undefined {
  const file = join(files, 'postmaster.pid')
  if (!existsSync(file)) return undefined
  const [first, folder] = readFileSync(file, 'utf8').split('\n')
  const pid = Number(first)
  if (!Number.isInteger(pid) || pid <= 0 || folder !== files || !isAlive(pid)) return undefined
  return process.platform === 'linux' && !commandLineOf(pid).includes(files) ? undefined : pid
}

async function gone(pid: number, limit: number): Promise<boolean> {
  const deadline = performance.now() + limit
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false
    await sleep(pollInterval)
  }
  return true
}

/** Ends a left-over database server: it may be shutting down already; the harder signals come when it does not. */
async function endOrphan(files: string, log: Logger): Promise<void> {
  const pid = orphanOn(files)
  if (pid === undefined) return
  log.info({ pid }, 'ending the database server of a run that was killed')
  const escalation = [
    ['SIGINT', 2_000],
    ['SIGQUIT', 1_000],
    ['SIGKILL', 1_000],
  ] as const
  for (const [signal, limit] of escalation) {
    if (isAlive(pid)) process.kill(pid, signal)
    if (await gone(pid, limit)) return
  }
  throw new Error(`The database server ${pid} of an earlier run cannot be ended`)
}

/** Keeps one database server running until told to stop. */
class Supervisor {
  readonly connection: pg.ClientConfig
  readonly #launcher: Launcher
  readonly #files: string
  readonly #socketDir: string
  readonly #log: Logger
  readonly #sessions: number
  #child: ChildProcess | undefined
  #stopping = false
  #spawnedAt = 0
  #lastWords = ''
  #backoff = firstBackoff

  constructor(launcher: Launcher, dataDir: string, log: Logger, sessions: number) {
    this.#launcher = launcher
    this.#files = join(dataDir, 'postgres')
    this.#socketDir = socketDirOf(dataDir)
    this.#log = log
    this.#sessions = sessions
    this.connection = connectionOf(dataDir)
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  async start(): Promise<void> {
    mkdirSync(this.#socketDir, { recursive: true, mode: 0o700 })
    this.#launcher.own(this.#socketDir)
    await endOrphan(this.#files, this.#log)
    await initialize(this.#launcher, this.#files)
    this.#spawn()
    await this.#ready()
    await this.#ensureDatabase()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const child = this.#child
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGINT')
    if (!(await this.#ended(child, fastStopLimit))) child.kill('SIGQUIT')
    if (!(await this.#ended(child, fastStopLimit))) child.kill('SIGKILL')
  }

  async #ended(child: ChildProcess, limit: number): Promise<boolean> {
    const deadline = performance.now() + limit
    while (child.exitCode === null && child.signalCode === null) {
      if (performance.now() > deadline) return false
      await sleep(pollInterval)
    }
    return true
  }

  /** In a process group of its own: Ctrl-C is for us, and we stop the database when we are done. */
  #spawn(): void {
    const own = { max_connections: this.#sessions, unix_socket_directories: this.#socketDir }
    const flags = Object.entries({ ...settings, ...own }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const [command, args] = this.#launcher.command('postgres', ['-D', this.#files, ...flags], true)
    const options = { ...this.#launcher.options, detached: true }
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#lastWords = chunk.toString().trim()
      this.#log.debug({ postgres: this.#lastWords }, 'database')
    })
    child.once('error', (error) => this.#log.error({ error }, 'the database server cannot be started'))
    child.once('exit', (code, signal) => this.#onExit(child, code, signal))
    this.#child = child
    this.#spawnedAt = performance.now()
  }

  /** It is started again, always: also when it cannot start yet because children of a killed one still hold its memory. */
  #onExit(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#stopping || child !== this.#child) return
    if (performance.now() - this.#spawnedAt > steadyAfter) this.#backoff = firstBackoff
    const said = this.#lastWords
    this.#log.warn({ code, signal, said, retryIn: this.#backoff }, 'the database server has ended; starting it again')
    setTimeout(() => void this.#respawn(), this.#backoff)
    this.#backoff = Math.min(this.#backoff * 2, longestBackoff)
  }

  async #respawn(): Promise<void> {
    try {
      await endOrphan(this.#files, this.#log)
    } catch (error) {
      this.#log.error({ error }, 'an earlier database server is in the way')
    }
    if (!this.#stopping) this.#spawn()
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + startLimit
    while (!(await this.#answers())) {
      if (performance.now() > deadline) throw new Error(`The database server does not start: ${this.#lastWords}`)
      await sleep(pollInterval)
    }
    this.#backoff = firstBackoff
  }

  async #answers(): Promise<boolean> {
    const client = new pg.Client({ ...this.connection, database: 'postgres' })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.end()
      return true
    } catch {
      return false
    }
  }

  async #ensureDatabase(): Promise<void> {
    const client = new pg.Client({ ...this.connection, database: 'postgres' })
    await client.connect()
    try {
      const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database])
      if (rowCount === 0) await client.query(`create database ${database}`)
    } finally {
      await client.end()
    }
  }
}

/**
 * Starts the embedded database and keeps it running: made at the first start, taken over clean after a crash, started again when it
 * dies. The data directory is ours alone meanwhile.
 * @param dataDir absolute path of the data directory
 * @param log takes what the database server says
 * @param processes how many processes of a server will use it
 * @throws DataDirectoryInUse when another server holds the directory
 */
export async function startEmbedded(dataDir: string, log: Logger, processes = 1): Promise<Embedded> {
  const directory: DataDirectory = await claimDataDirectory(dataDir)
  const supervisor = new Supervisor(findLauncher(), directory.path, log, sessionsFor(processes))
  const stop = async (): Promise<void> => {
    await supervisor.stop()
    await directory.release()
  }
  try {
    await supervisor.start()
  } catch (error) {
    await stop()
    throw error
  }
  return { connection: supervisor.connection, pid: () => supervisor.pid, stop }
}
