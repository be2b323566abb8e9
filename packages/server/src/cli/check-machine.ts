import { constants, existsSync } from 'node:fs'
import { access, mkdtemp, rm, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { type ErrorBody, isErrorCode } from '@parley/protocol'
import type { Settings } from '../config.ts'
import type { ReadSettings } from './commands.ts'
import { CommandFailure } from './failure.ts'

const oldestNode = 24
const lowDisk = 1_000_000_000
const askLimit = 2_000
const web = join(import.meta.dirname, '../../../../apps/web/dist/index.html')

/** Whether the Node that runs this is new enough. */
export function checkNode(): string {
  const { node } = process.versions
  if (Number.parseInt(node, 10) < oldestNode) throw new CommandFailure(`${node}; ${oldestNode} or newer is needed`)
  return node
}

/** Whether the application for the browser was built. */
export function checkWeb(): string {
  if (!existsSync(web)) throw new CommandFailure('not built; run npm run build')
  return 'built'
}

/** Whether the environment is free of faults. */
export function checkConfig(readSettings: ReadSettings): string {
  const { production } = readSettings()
  return production ? 'production' : 'not production: demo allowed'
}

/** The folder itself, or the one above it that is there already. */
function standing(folder: string): string {
  return existsSync(folder) ? folder : standing(dirname(folder))
}

/** Whether the data directory can be written, or made, and has room. */
export async function checkDataDirectory({ dataDir }: Pick<Settings, 'dataDir'>): Promise<string> {
  const folder = standing(dataDir)
  await access(folder, constants.W_OK)
  await rm(await mkdtemp(join(folder, 'doctor-')), { recursive: true })
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  const room = `${(free / 1e9).toFixed(1)} GB free`
  if (free < lowDisk) throw new CommandFailure(`${dataDir}: only ${room}`)
  return `${dataDir}, ${folder === dataDir ? '' : 'made at the first start, '}${room}`
}

function listen(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(port, host, () => server.close(() => resolve()))
  })
}

async function isParley(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/api/me`, { signal: AbortSignal.timeout(askLimit) })
    const answer = (await response.json()) as Partial<ErrorBody>
    return isErrorCode(answer.error?.code)
  } catch {
    return false
  }
}

/** Whether the port can be had, or is held by a running server of ours. */
export async function checkPort({ host, port }: Pick<Settings, 'host' | 'port'>): Promise<string> {
  try {
    await listen(host, port)
    return `${host}:${port} is free`
  } catch (error) {
    const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    if (inUse && (await isParley(`http://${host}:${port}`))) return `${host}:${port}, a server runs there`
    throw error
  }
}
