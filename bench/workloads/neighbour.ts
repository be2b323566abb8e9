import { setTimeout as sleep } from 'node:timers/promises'
import { Histogram } from '../load/histogram.ts'
import { awaitQuiet } from '../machine/processes.ts'
import { type Caller, type ParleyProcess, startParleyWith } from '../servers/parley.ts'
import { delayCells, delayColumns } from './timing.ts'
import type { Workload } from './workload.ts'

const noisyPeople = 100
/** A minute's share of messages is spent in less than half a minute; the rest is refused. */
const noisyInterval = 250
const quietInterval = 1_000

interface Talk {
  readonly caller: Caller
  readonly path: string
}

/** Somebody with a conversation of his own in a workspace. */
async function talkOf(server: ParleyProcess, name: string, workspace: string): Promise<Talk> {
  const caller = await server.person(name, workspace)
  const body = { kind: 'internal', participants: [], subject: name }
  const made = await caller<{ conversation: { conversation: { id: string } } }>('/conversations', body)
  return { caller, path: `/conversations/${made.conversation.conversation.id}/messages` }
}

const refused = / answered 429: /

/** What the limits refuse does not count. */
async function send({ caller, path }: Talk, histogram: Histogram): Promise<void> {
  const begun = performance.now()
  try {
    await caller(path, { clientKey: `neighbour-${begun}`, text: 'Hello' })
    histogram.add((performance.now() - begun) * 1000)
  } catch (error) {
    if (!(error instanceof Error && refused.test(error.message))) throw error
  }
}

/** Sends at even times, whether or not earlier ones were answered. */
async function sendEvery(interval: number, seconds: number, talk: Talk, histogram: Histogram): Promise<void> {
  const under: Promise<void>[] = []
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(interval)) {
    under.push(send(talk, histogram))
  }
  await Promise.all(under)
}

async function sendTogether(seconds: number, talks: readonly Talk[], histogram: Histogram): Promise<void> {
  const one = async (talk: Talk, index: number) => {
    await sleep((noisyInterval / talks.length) * index)
    await sendEvery(noisyInterval, seconds, talk, histogram)
  }
  await Promise.all(talks.map(one))
}

/** What a workspace feels of another one that sends as much as it may: a message a second, alone and beside it, with the limits on. */
export const neighbour: Workload = async ({ seconds, runs }, database) => {
  database.drop('parley')
  const env = { DATABASE_URL: database.create('parley'), PARLEY_RATE_LIMITS: 'on' }
  const server = await startParleyWith(env)
  try {
    const quiet = await talkOf(server, 'ana', 'quiet')
    const noisy: Talk[] = []
    for (let index = 0; index < noisyPeople; index++) noisy.push(await talkOf(server, `u${index}`, 'noisy'))
    const [alone, beside, others] = [new Histogram(), new Histogram(), new Histogram()]
    for (let run = 0; run < runs; run++) {
      await awaitQuiet()
      await sendEvery(quietInterval, seconds, quiet, alone)
      await Promise.all([sendEvery(quietInterval, seconds, quiet, beside), sendTogether(seconds, noisy, others)])
    }
    const rows = { alone, 'beside the other': beside, 'the other': others }
    const delays = Object.entries(rows).map(([who, histogram]) => ({ who, ...histogram.delays() }))
    return {
      title: `A workspace with a message a second, alone and beside one of ${noisyPeople} people who send more than they may`,
      columns: ['sends', ...delayColumns],
      rows: delays.map((each) => [each.who, ...delayCells(each)]),
      raw: delays,
    }
  } finally {
    await server.stop()
  }
}
