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

function all(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
}

/** Tells every worker who serves. */
function tellServing(serving: ReadonlySet<number>): void {
  const workers = [...serving].sort((a, b) => a - b)
  for (const worker of all()) send(worker, { kind: 'serving', workers })
}

function sendTo(id: number, word: ToWorker): void {
  const worker = cluster.workers?.[id]
  if (worker) send(worker, word)
}

/** Passes on what a worker says to others. */
function pass(from: Worker, word: FromWorker): void {
  if (word.kind === 'packet') for (const other of all()) if (other.id !== from.id) send(other, word)
  if (word.kind === 'asks') sendTo(word.to, { kind: 'asks', from: from.id, asks: word.asks })
  if (word.kind === 'replies') sendTo(word.to, { kind: 'replies', from: from.id, replies: word.replies })
}

/** Starts one process; resolves with its address once it serves. */
function fork(config: Config, connection: Reachable['connection'], serving: Set<number>): Promise<string> {
  const worker = cluster.fork()
  send(worker, { kind: 'start', config, connection })
  return new Promise((resolve, reject) => {
    worker.on('message', (word: FromWorker) => {
      if (word.kind === 'ready') {
        tellServing(serving.add(worker.id))
        resolve(word.url)
      } else if (word.kind === 'failed') reject(new Error(word.reason))
      else pass(worker, word)
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
  const serving = new Set<number>()
  cluster.setupPrimary({ exec: program, args: [config.dataDir] })
  const restart = (): void => {
    if (stopping) return
    fork(config, connection, serving).catch((error: unknown) => log.error({ error }, 'a process could not be replaced'))
  }
  const urls = await Promise.all(Array.from({ length: count }, () => fork(config, connection, serving)))
  cluster.on('exit', (worker, code, signal) => {
    if (serving.delete(worker.id)) tellServing(serving)
    if (stopping) return
    log.error({ process: worker.process.pid, code, signal }, 'a process has ended; another one takes its place')
    setTimeout(restart, restartDelay)
  })
  return {
    url: urls[0] ?? '',
    close: async () => {
      stopping = true
      tellServing(new Set())
      await Promise.all(all().map(stop))
    },
  }
}
