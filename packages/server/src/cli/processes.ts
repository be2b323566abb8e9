import cluster, { type Worker } from 'node:cluster'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Reachable } from './database.ts'
import type { FromWorker, ToWorker } from './worker-words.ts'

/** Several processes that serve one port. */
export interface Processes {
  /** Where they answer. */
  readonly url: string
  /** Lets all of them finish what is in flight. */
  close(): Promise<void>
}

/** What the processes need. */
export interface ProcessesParts extends Pick<Reachable, 'connection'> {
  readonly log: Logger
}

const program = join(import.meta.dirname, 'worker.ts')
const restartDelay = 1_000
const stopLimit = 12_000

function send(worker: Worker, word: ToWorker): void {
  if (worker.isConnected()) worker.send(word)
}

function others(worker: Worker): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(
    (other) => other !== undefined && other.id !== worker.id,
  ) as Worker[]
}

/** Starts one process; resolves with its address once it serves. */
function fork(config: Config, connection: Reachable['connection']): Promise<string> {
  const worker = cluster.fork()
  send(worker, { kind: 'start', config, connection })
  return new Promise((resolve, reject) => {
    worker.on('message', (word: FromWorker) => {
      if (word.kind === 'ready') resolve(word.url)
      else if (word.kind === 'failed') reject(new Error(word.reason))
      else for (const other of others(worker)) send(other, word)
    })
    worker.on('exit', (code, signal) => reject(new Error(`A process ended with ${signal ?? code} before it served`)))
  })
}

function stop(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => worker.kill('SIGKILL'), stopLimit)
    worker.on('exit', () => {
      clearTimeout(cut)
      resolve()
    })
    send(worker, { kind: 'stop' })
  })
}

/**
 * Starts several processes that serve one port and hear of each other through this one. A process that ends by itself is replaced.
 * @param count how many, at least 1
 * @param parts the migrated database, and where to log
 */
export async function startProcesses(
  count: number,
  config: Config,
  { connection, log }: ProcessesParts,
): Promise<Processes> {
  let stopping = false
  cluster.setupPrimary({ exec: program, args: [config.dataDir] })
  const restart = (): void => {
    if (stopping) return
    fork(config, connection).catch((error: unknown) => log.error({ error }, 'a process could not be replaced'))
  }
  const urls = await Promise.all(Array.from({ length: count }, () => fork(config, connection)))
  cluster.on('exit', (worker, code, signal) => {
    if (stopping) return
    log.error({ process: worker.process.pid, code, signal }, 'a process has ended; another one takes its place')
    setTimeout(restart, restartDelay)
  })
  return {
    url: urls[0] ?? '',
    close: async () => {
      stopping = true
      await Promise.all(Object.values(cluster.workers ?? {}).flatMap((worker) => (worker ? [stop(worker)] : [])))
    },
  }
}
