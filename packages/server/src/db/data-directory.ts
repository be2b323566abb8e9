import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { newSecret } from '../ids.ts'

/** Another server holds the data directory. */
export class DataDirectoryInUse extends Error {
  constructor(dataDir: string, holder: string) {
    super(
      `Another Parley server (${holder}) is using ${dataDir}. Stop it first, or give this one its own PARLEY_DATA_DIR.`,
    )
    this.name = 'DataDirectoryInUse'
  }
}

/** A data directory that is ours until released, or until this process ends in whatever way. */
export interface DataDirectory {
  readonly path: string
  release(): Promise<void>
}

type State = 'claims' | 'holds'

/** A living process that claims or holds a data directory by the socket of this name. */
interface Other {
  readonly name: string
  readonly state: State
  readonly process: string
}

const answerLimit = 1_000
const pollInterval = 20
const longestAddress = 103
const socketName = /^server-[\w-]{16}\.sock$/

function newName(): string {
  return `server-${newSecret().slice(0, 16)}.sock`
}

/** Where a socket listens before it has its name. */
function earlyName(name: string): string {
  return `new-${name}`
}

function prepare(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  return realpathSync(dataDir)
}

/** The address of a socket has room for about a hundred bytes; where a path is longer, a short link leads there meanwhile. */
async function shortly<Result>(path: string, use: (path: string) => Promise<Result>): Promise<Result> {
  if (Buffer.byteLength(join(path, earlyName(newName()))) <= longestAddress) return use(path)
  const folder = mkdtempSync(join(tmpdir(), 'parley-'))
  const link = join(folder, 'd')
  symlinkSync(path, link)
  try {
    return await use(link)
  } finally {
    unlinkSync(link)
    rmdirSync(folder)
  }
}

function listen(address: string, answer: () => string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.on('error', () => undefined).end(answer()))
    server.once('error', reject)
    server.listen(address, () => {
      server.unref()
      resolve(server)
    })
  })
}

function isDead(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNREFUSED' || error.code === 'ENOENT'
}

/** What the process behind a socket says: null when it is dead, empty when it lives and says nothing or lets go just now. */
function askOnce(address: string, limit: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(address)
    let answer = ''
    let dead = false
    socket.setTimeout(limit, () => socket.destroy())
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.on('error', (error) => {
      dead = isDead(error)
    })
    socket.on('close', () => resolve(dead ? null : answer))
  })
}

async function ask(address: string): Promise<string | null> {
  const deadline = performance.now() + answerLimit
  for (;;) {
    const answer = await askOnce(address, Math.max(1, deadline - performance.now()))
    if (answer !== '' || performance.now() > deadline) return answer
    await sleep(pollInterval)
  }
}

function processOf(pid: string, host: string): string {
  return host === hostname() ? `process ${pid}` : `process ${pid} of ${host}`
}

function understand(name: string, answer: string): Other {
  const [state, pid, host] = answer.split(' ')
  if (pid === undefined || host === undefined) return { name, state: 'holds', process: 'which does not answer' }
  return { name, state: state === 'claims' ? 'claims' : 'holds', process: processOf(pid, host) }
}

/** Everyone who lives, except for one. A dead one's name is never used again, so removing it can hit nobody else. */
async function livingIn(path: string, except?: string): Promise<Other[]> {
  const names = readdirSync(path).filter((name) => socketName.test(name) && name !== except)
  const answers = await shortly(path, (short) => Promise.all(names.map((name) => ask(join(short, name)))))
  return names.flatMap((name, index) => {
    const answer = answers[index] ?? null
    if (answer !== null) return [understand(name, answer)]
    rmSync(join(path, name), { force: true })
    return []
  })
}

/** It gets its name when it listens already, so that one who refuses under such a name is dead. */
async function listenAs(path: string, name: string, answer: () => string): Promise<Server> {
  const early = earlyName(name)
  const server = await shortly(path, (short) => listen(join(short, early), answer))
  renameSync(join(path, early), join(path, name))
  return server
}

/**
 * Waits until nobody else claims the directory. All have named themselves before they look, so of two at least one sees the other;
 * of two that see each other before either holds, the lower name goes first.
 * @throws DataDirectoryInUse when somebody holds it or goes first
 */
async function prevail(path: string, name: string): Promise<void> {
  for (;;) {
    const others = await livingIn(path, name)
    const before = others.find((other) => other.state === 'holds' || other.name < name)
    if (before !== undefined) throw new DataDirectoryInUse(path, before.process)
    if (others.length === 0) return
    await sleep(pollInterval)
  }
}

/** Words for the process that holds a data directory or is about to; null when none does. */
export async function holderOf(dataDir: string): Promise<string | null> {
  const [other] = await livingIn(prepare(dataDir))
  return other?.process ?? null
}

/**
 * Takes a data directory for this process alone, by a socket in it that the system closes with the process: seen by every process of
 * the machine that reaches the directory, from whatever container.
 * @param dataDir the folder; made when missing
 * @throws DataDirectoryInUse when another server holds it
 */
export async function claimDataDirectory(dataDir: string): Promise<DataDirectory> {
  const path = prepare(dataDir)
  const name = newName()
  let state: State = 'claims'
  const server = await listenAs(path, name, () => `${state} ${process.pid} ${hostname()}`)
  const release = (): Promise<void> => {
    rmSync(join(path, name), { force: true })
    return new Promise((resolve) => server.close(() => resolve()))
  }
  try {
    await prevail(path, name)
  } catch (error) {
    await release()
    throw error
  }
  state = 'holds'
  return { path, release }
}
