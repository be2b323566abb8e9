import { createHash } from 'node:crypto'
import { mkdirSync, realpathSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'

/** Another server holds the data directory. */
export class DataDirectoryInUse extends Error {
  readonly pid: string

  constructor(dataDir: string, pid: string) {
    super(
      `Another Parley server (process ${pid}) is using ${dataDir}. Stop it first, or give this one its own PARLEY_DATA_DIR.`,
    )
    this.name = 'DataDirectoryInUse'
    this.pid = pid
  }
}

/** A data directory that is ours until released, or until this process ends in whatever way. */
export interface DataDirectory {
  readonly path: string
  release(): Promise<void>
}

const answerLimit = 1_000

/** A name that the system frees with the process that listens on it; on systems without such names, a socket file. */
function lockAddress(path: string): string {
  const name = `parley-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`
  if (process.platform === 'linux') return `\0${name}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`
  return join(path, 'lock')
}

function listen(address: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end(String(process.pid)))
    server.once('error', reject)
    server.listen(address, () => {
      server.unref()
      resolve(server)
    })
  })
}

/** The process id of who listens at an address; null when nobody does. */
function askHolder(address: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(address)
    let answer = ''
    socket.setTimeout(answerLimit, () => socket.destroy())
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.on('error', () => resolve(null))
    socket.on('close', () => resolve(answer === '' ? 'unknown' : answer))
  })
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

/** The process id of the server that holds a data directory; null when none does. */
export async function holderOf(dataDir: string): Promise<string | null> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  return askHolder(lockAddress(realpathSync(dataDir)))
}

/**
 * Takes a data directory for this process alone.
 * @param dataDir the folder; made when missing
 * @throws DataDirectoryInUse at once when another server holds it
 */
export async function claimDataDirectory(dataDir: string): Promise<DataDirectory> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const path = realpathSync(dataDir)
  const address = lockAddress(path)
  let server: Server
  try {
    server = await listen(address)
  } catch (error) {
    if (!isTaken(error)) throw error
    const holder = await askHolder(address)
    if (holder !== null || process.platform === 'linux') throw new DataDirectoryInUse(path, holder ?? 'unknown')
    rmSync(address, { force: true })
    server = await listen(address)
  }
  return { path, release: () => new Promise((resolve) => server.close(() => resolve())) }
}
