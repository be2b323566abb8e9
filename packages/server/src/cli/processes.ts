import cluster, { type Worker } from 'node:cluster'
import { createServer } from 'node:net'
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

const program = join(import.meta.dirname, '../../bin/worker.js')
const restartDelay = 1_000
const stopLimit = 12_000

/** A process that serves is asked each so often, milliseconds, whether it still does; who leaves so many unanswered hangs, and is ended. */
const pingInterval = 1_000
const pingsUnanswered = 10

/** Packets on their way to a worker. More are left out: who does not take them reads the log, and must not fill the memory here. */
const packetsOnTheWay = 1_000
const onTheWay = new WeakMap<Worker, number>()

/** One that was just killed cannot be told anything, and counts as connected until that is noticed: its end is told by its exit. */
function send(worker: Worker, word: ToWorker): void {
  if (worker.isConnected()) worker.send(word, () => {})
}

function sendPacket(worker: Worker, word: ToWorker): void {
  const count = onTheWay.get(worker) ?? 0
  if (count >= packetsOnTheWay || !worker.isConnected()) return
  onTheWay.set(worker, count + 1)
  worker.send(word, () => onTheWay.set(worker, (onTheWay.get(worker) ?? 1) - 1))
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
  if (word.kind === 'packet') for (const other of all()) if (other.id !== from.id) sendPacket(other, word)
  if (word.kind === 'asks') sendTo(word.to, { kind: 'asks', from: from.id, asks: word.asks })
  if (word.kind === 'replies') sendTo(word.to, { kind: 'replies', from: from.id, replies: word.replies })
}

/**
 * Ends a process once it hangs: whoever is connected to it waits, and the system goes on giving it connections. Pings are counted, and not
 * the time: when the whole machine stood still nobody is late.
 */
function watch(worker: Worker, log: Logger): void {
  let unanswered = 0
  worker.on('message', () => {
    unanswered = 0
  })
  const timer = setInterval(() => {
    if (unanswered >= pingsUnanswered) {
      log.error({ process: worker.process.pid }, 'a process hangs and is ended')
      worker.process.kill('SIGKILL')
    }
    unanswered += 1
    send(worker, { kind: 'ping' })
  }, pingInterval)
  worker.on('exit', () => clearInterval(timer))
}

/** Starts one process; resolves with its address once it serves. */
function fork(config: Config, { connection, log }: ProcessesParts, serving: Set<number>): Promise<string> {
  const worker = cluster.fork()
  send(worker, { kind: 'start', config, connection })
  return new Promise((resolve, reject) => {
    worker.on('message', (word: FromWorker) => {
      if (word.kind === 'ready') {
        tellServing(serving.add(worker.id))
        watch(worker, log)
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

/** Takes the port for a moment: those who share it would not notice that others serve it as well. */
async function portOf({ port, host }: Pick<Config, 'port' | 'host'>): Promise<number> {
  const listener = createServer()
  await new Promise<void>((resolve, reject) => listener.once('error', reject).listen(port, host, resolve))
  const address = listener.address()
  await new Promise((resolve) => listener.close(resolve))
  return typeof address === 'object' && address ? address.port : port
}

/**
 * Starts several processes that serve one port and hear of each other through this one. A process that ends by itself is replaced.
 * @param count how many, at least 1
 * @param given the parsed environment; port 0 takes a free port
 * @param parts the migrated database, and where to log
 * @throws Error `EADDRINUSE` when somebody serves the port
 */
export async function startProcesses(count: number, given: Config, parts: ProcessesParts): Promise<Processes> {
  const { log } = parts
  const config = { ...given, port: await portOf(given) }
  let stopping = false
  const serving = new Set<number>()
  cluster.setupPrimary({ exec: program, args: [config.dataDir] })
  const restart = (): void => {
    if (stopping) return
    fork(config, parts, serving).catch((error: unknown) => log.error({ error }, 'a process could not be replaced'))
  }
  const close = async (): Promise<void> => {
    stopping = true
    tellServing(new Set())
    await Promise.all(all().map(stop))
  }
  const forked = Array.from({ length: count }, () => fork(config, parts, serving))
  const [url = ''] = await Promise.all(forked).catch(async (error: unknown) => {
    await close()
    throw error
  })
  cluster.on('exit', (worker, code, signal) => {
    if (serving.delete(worker.id)) tellServing(serving)
    if (stopping) return
    log.error({ process: worker.process.pid, code, signal }, 'a process has ended; another one takes its place')
    setTimeout(restart, restartDelay)
  })
  return { url, close }
}
