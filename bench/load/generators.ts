import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadCores, type Usage, watchUsage } from '../machine/processes.ts'
import type { RunningServer } from '../servers/server.ts'
import { type Delays, Histogram } from './histogram.ts'
import type { Answer, Order } from './orders.ts'
import { microseconds } from './stamp.ts'

/** What one stretch of load showed. Rates in messages a second, delays in ms, from the due time. */
export interface Measurement {
  readonly rate: number
  readonly sent: number
  /** Shares of what should have been, 0 to 1. */
  readonly acknowledged: number
  readonly delivered: number
  readonly failures: number
  readonly disordered: number
  readonly ack: Delays
  readonly deliver: Delays
  /** How late the load itself was. */
  readonly late: Delays
  /** How long it took after the end until everything had arrived. */
  readonly drained: number
  readonly usage: Usage
}

/** Load on one server. */
export interface Generators {
  measure(rate: number, seconds: number): Promise<Measurement>
  stop(): void
}

const warmUp = 1
const headStart = 0.2
const settling = 300
const drainLimit = 15_000

function ask(child: ChildProcess, order: Order): Promise<Answer> {
  return new Promise((resolve, reject) => {
    child.once('message', (message: { answer?: Answer; error?: string }) => {
      if (message.answer) resolve(message.answer)
      else reject(new Error(message.error))
    })
    child.send(order)
  })
}

function spawnOn(core: string): ChildProcess {
  const args = ['-c', core, process.execPath, join(import.meta.dirname, 'generator.ts')]
  return spawn('taskset', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

function sum(answers: readonly Answer[], pick: (answer: Answer) => number): number {
  return answers.reduce((total, answer) => total + pick(answer), 0)
}

function merged(answers: readonly Answer[], name: 'acknowledged' | 'delivered' | 'late'): Delays {
  const histogram = new Histogram()
  for (const answer of answers) histogram.merge(answer[name])
  return histogram.delays()
}

/** Waits until everything sent was acknowledged and delivered, or nothing more comes. */
async function drain(report: () => Promise<Answer[]>, recipients: number): Promise<number> {
  const begun = performance.now()
  let before = -1
  let since = begun
  for (;;) {
    const answers = await report()
    const [deliveries, sent] = [sum(answers, (each) => each.deliveries), sum(answers, (each) => each.sent)]
    const now = performance.now()
    const done = sum(answers, (each) => each.outstanding) === 0 && deliveries >= sent * recipients
    if (done || now - begun > drainLimit || now - since > 3_000) return now - begun
    if (deliveries !== before) since = now
    before = deliveries
    await sleep(20)
  }
}

function measurementOf(
  rate: number,
  recipients: number,
  answers: readonly Answer[],
): Omit<Measurement, 'drained' | 'usage'> {
  const sent = sum(answers, (each) => each.sent)
  return {
    rate,
    sent,
    acknowledged: sum(answers, (each) => each.acks) / sent,
    delivered: sum(answers, (each) => each.deliveries) / (sent * recipients),
    failures: sum(answers, (each) => each.failures),
    disordered: sum(answers, (each) => each.disordered),
    ack: merged(answers, 'acknowledged'),
    deliver: merged(answers, 'delivered'),
    late: merged(answers, 'late'),
  }
}

/**
 * Connects everybody, spread over the load's cores.
 * @param server who is connected to
 * @param databasePid the server's database, to tell what each used
 * @param recipients how many get each message
 */
export async function startGenerators(
  server: RunningServer,
  databasePid: number,
  recipients: number,
): Promise<Generators> {
  const children = loadCores.map(spawnOn)
  const askAll = (order: (index: number) => Order) =>
    Promise.all(children.map((child, index) => ask(child, order(index))))
  const report = () => askAll(() => ({ type: 'report' }))
  await askAll((index) => {
    const users = server.users.filter((_, position) => position % children.length === index)
    return { type: 'connect', driver: server.driver, users }
  })
  await sleep(settling)
  const pids = { server: server.pid, database: databasePid, load: children.map(({ pid }) => pid ?? 0) }
  return {
    measure: async (rate, seconds) => {
      const order = { warmUp: warmUp * 1e6, duration: seconds * 1e6, rate: rate / children.length }
      const start = microseconds() + headStart * 1e6
      const loaded = askAll(() => ({ type: 'load', start, ...order }))
      await sleep((headStart + warmUp) * 1000)
      const usageOf = watchUsage(pids)
      await loaded
      const usage = usageOf()
      const drained = await drain(report, recipients)
      return { ...measurementOf(rate, recipients, await report()), drained, usage }
    },
    stop: () => {
      for (const child of children) child.disconnect()
    },
  }
}
