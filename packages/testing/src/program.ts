import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Target } from './people.ts'

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** What it said on standard error. */
  readonly complaint: string
}

/** A server as its own process, killed and started at will on one port and one data directory. */
export interface Program extends Target {
  readonly dataDir: string
  readonly pid: number
  /** Starts it and waits until it is ready; answers how long that took, in milliseconds. */
  start(): Promise<number>
  /** Starts another one on the same data directory, by a program such as `unshare` if named, and waits until it ends. */
  startSecond(...by: readonly string[]): Promise<Exit>
  /** Waits until it is ready; answers how long that took, in milliseconds. */
  ready(limit?: number): Promise<number>
  /** Sends a signal and waits until it has ended; who does not end in time is killed. */
  end(signal: NodeJS.Signals): Promise<Exit>
  /** Processes that run on the data directory now, as Linux tells. */
  processes(): number[]
  /** Those of them that serve, where several share the port. */
  workers(): number[]
  /** Ends it in whatever state it is, and removes its data. */
  remove(): Promise<void>
}

const binary = join(import.meta.dirname, '../../server/bin/parley.js')
const startLimit = 30_000
const stopLimit = 15_000
const pollInterval = 20

/** A port that nobody uses now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

async function answersReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false
  }
}

function runsOn(pid: string, dataDir: string): boolean {
  try {
    const place = readlinkSync(`/proc/${pid}/cwd`)
    return place.startsWith(dataDir) || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dataDir)
  } catch {
    return false
  }
}

/** Not one that has just ended. */
function isWorker(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('bin/worker.js')
  } catch {
    return false
  }
}

function exitOf(child: ChildProcess, said: () => string): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, complaint: said() }))
  })
}

/** Runs `parley`. */
function launch(
  env: NodeJS.ProcessEnv,
  args: readonly string[],
  by: readonly string[] = [],
): { child: ChildProcess; ended: Promise<Exit> } {
  const [command = '', ...rest] = [...by, process.execPath, binary, ...args]
  const child = spawn(command, rest, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk.toString()
  })
  return { child, ended: exitOf(child, () => complaint) }
}

/**
 * Prepares a server process with a fresh data directory; it is not started yet.
 * @param more environment that differs, such as `DATABASE_URL`
 * @param args the command and its options
 */
export async function createProgram(
  more: NodeJS.ProcessEnv = {},
  args: readonly string[] = ['start'],
): Promise<Program> {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-program-'))
  const port = await freePort()
  const { PARLEY_JWT_SECRET: secret = randomBytes(32).toString('base64url') } = more
  const url = `http://127.0.0.1:${port}`
  const settings = { PARLEY_DEMO: 'off', PARLEY_RATE_LIMITS: 'off', LOG_LEVEL: 'warn', PARLEY_JWT_SECRET: secret }
  const env = { PATH: process.env.PATH, ...settings, PARLEY_DATA_DIR: dataDir, PORT: String(port), ...more }
  let current: ReturnType<typeof launch> | undefined
  const ready = async (limit = startLimit) => {
    const begun = performance.now()
    while (!(await answersReady(url))) {
      const over = performance.now() - begun > limit || (current?.child.exitCode ?? null) !== null
      if (over) throw new Error(`The server did not get ready: ${JSON.stringify(await Promise.race([current?.ended]))}`)
      await sleep(pollInterval)
    }
    return performance.now() - begun
  }
  const end = async (signal: NodeJS.Signals) => {
    if (!current) throw new Error('The server was never started')
    const { child, ended } = current
    child.kill(signal)
    const impatience = setTimeout(() => child.kill('SIGKILL'), stopLimit)
    return ended.finally(() => clearTimeout(impatience))
  }
  const processes = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && runsOn(name, dataDir))
      .map(Number)
  return {
    url,
    dataDir,
    config: { jwt: { secret } },
    get pid() {
      return current?.child.pid ?? 0
    },
    start: () => {
      current = launch(env, args)
      return ready()
    },
    startSecond: async (...by) => launch({ ...env, PORT: String(await freePort()) }, args, by).ended,
    ready,
    end,
    processes,
    workers: () => processes().filter(isWorker),
    remove: async () => {
      if (current && current.child.exitCode === null && current.child.signalCode === null) await end('SIGTERM')
      const deadline = performance.now() + stopLimit
      while (existsSync('/proc') && processes().length > 0 && performance.now() < deadline) await sleep(pollInterval)
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
