import { constants, existsSync } from 'node:fs'
import { access, mkdtemp, rm, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { ReadConfig } from './commands.ts'
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
export function checkConfig(readConfig: ReadConfig): string {
  const { production } = readConfig()
  return production ? 'production' : 'not production: demo allowed'
}

/** Whether the data directory can be written and has room. */
export async function checkDataDirectory({ dataDir }: Config): Promise<string> {
  await access(dataDir, constants.W_OK)
  await rm(await mkdtemp(join(dataDir, 'doctor-')), { recursive: true })
  const { bavail, bsize } = await statfs(dataDir)
  const free = bavail * bsize
  const room = `${(free / 1e9).toFixed(1)} GB free`
  if (free < lowDisk) throw new CommandFailure(`${dataDir}: only ${room}`)
  return `${dataDir}, ${room}`
}

function listen(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(port, host, () => server.close(() => resolve()))
  })
}

async function isParley(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(askLimit) })
    return response.ok
  } catch {
    return false
  }
}

/** Whether the port can be had, or is held by a running server of ours. */
export async function checkPort({ host, port }: Config): Promise<string> {
  try {
    await listen(host, port)
    return `${host}:${port} is free`
  } catch (error) {
    const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    if (inUse && (await isParley(`http://${host}:${port}`))) return `${host}:${port}, a server runs there`
    throw error
  }
}
