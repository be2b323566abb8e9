import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsOwner, type Owner } from '../../packages/testing/src/owner.ts'
import { startPostgres, type TestPostgres } from '../../packages/testing/src/postgres.ts'
import { freePort } from '../../packages/testing/src/program.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

/** How PostgreSQL is told to stop: `fast` ends sessions, `immediate` is a crash. */
export type StopMode = 'fast' | 'immediate'

/** A PostgreSQL on a port of its own, with fsync on, to be stopped, hung and started at will. */
export interface FaultyPostgres {
  readonly port: number
  /** Where its programs are. */
  readonly programs: string
  url(database: string): string
  /** Connects past every fault but its absence; also while writing is forbidden. */
  connect(database: string): Promise<Owner>
  /** Runs one statement on a connection of its own. */
  run(database: string, text: string): Promise<void>
  stop(mode: StopMode): Promise<void>
  start(): Promise<void>
  /** Lets all its processes hang, connections open. */
  hang(): void
  goOn(): void
  /** Takes all space its files could grow into. @throws Error when it is not on a disk of its own */
  fillDisk(): void
  freeDisk(): void
  /** Starts it when a fault has ended it, as its supervisor would. */
  revive(): Promise<void>
  close(): Promise<void>
}

const signals = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const
const patience = 30_000
const pollInterval = 20
const settings = { fsync: 'on', listen_addresses: '127.0.0.1', max_connections: '120', log_min_messages: 'fatal' }

function parentOf(pid: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return 0
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === parent)
    .map(Number)
}

/** What `postmaster.opts` says: the program and its arguments as they were at the first start. */
function commandLine(data: string): string[] {
  const text = readFileSync(join(data, 'postmaster.opts'), 'utf8').trim()
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

function launch(data: string): ChildProcess {
  const [program = '', ...args] = commandLine(data)
  const { uid, gid } = statSync(data)
  const owner = process.getuid?.() === 0 && uid !== 0 ? { uid, gid } : {}
  return spawn(program, args, { stdio: 'ignore', cwd: data, ...owner })
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + patience
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`PostgreSQL does not ${what}`)
    await sleep(pollInterval)
  }
}

/** Makes and starts it, on a disk of its own if there is one. */
function startOn(disk: SmallDisk | undefined, port: number): TestPostgres {
  const { TMPDIR } = process.env
  if (disk) process.env.TMPDIR = disk.folder
  try {
    return startPostgres({ ...settings, port: String(port) })
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  }
}

/**
 * Starts PostgreSQL.
 * @param diskMegabytes the size of a disk of its own
 */
export async function startFaultyPostgres(diskMegabytes?: number): Promise<FaultyPostgres> {
  const port = await freePort()
  const disk = diskMegabytes === undefined ? undefined : mountSmallDisk(diskMegabytes)
  const first = startOn(disk, port)
  const data = join(String(first.connection.host), 'data')
  const pid = () => Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
  const connect = (database: string) =>
    connectAsOwner({ host: '127.0.0.1', port, user: 'postgres', database }, '-c default_transaction_read_only=off')
  const run = async (database: string, text: string) => {
    const owner = await connect(database)
    await owner.query(text, []).finally(() => owner.end())
  }
  const answers = async () => {
    const [answer] = await Promise.allSettled([run('postgres', 'select 1')])
    return answer.status === 'fulfilled'
  }
  const start = async () => {
    launch(data)
    await until(answers, 'start')
  }
  const revive = async () => {
    const lives = existsSync(join(data, 'postmaster.pid')) && isRunning(pid())
    if (!lives) await start()
    else await until(answers, 'come back')
  }
  const tell = (signal: NodeJS.Signals) => {
    for (const each of [pid(), ...childrenOf(pid())]) process.kill(each, signal)
  }
  return {
    port,
    programs: dirname(commandLine(data)[0] ?? ''),
    url: (database) => `postgresql://postgres@127.0.0.1:${port}/${database}`,
    connect,
    run,
    stop: async (mode) => {
      const current = pid()
      process.kill(current, signals[mode])
      await until(() => !isRunning(current), 'stop')
    },
    start,
    hang: () => tell('SIGSTOP'),
    goOn: () => tell('SIGCONT'),
    fillDisk: () => {
      if (!disk) throw new Error('PostgreSQL is on no disk of its own')
      disk.fill()
    },
    freeDisk: () => disk?.free(),
    revive,
    close: async () => {
      await revive()
      first.stop()
      disk?.unmount()
    },
  }
}
