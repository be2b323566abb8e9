import { fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CrowdOrder } from '../load/crowd.ts'
import { Histogram, type HistogramCounts } from '../load/histogram.ts'
import { type Post, postEvery } from '../load/posts.ts'
import { awaitQuiet } from '../machine/processes.ts'
import { type ParleyProcess, startParleyWith } from '../servers/parley.ts'
import { delayCells, delayColumns } from './timing.ts'
import type { Workload } from './workload.ts'

const noisyPeople = 100
/** A minute's share of messages is spent in less than half a minute; the rest is refused. */
const noisyInterval = 250
const quietInterval = 1_000

/** Somebody with a conversation of his own in a workspace. */
async function postOf(server: ParleyProcess, name: string, workspace: string): Promise<Post> {
  const call = await server.person(name, workspace)
  const body = { kind: 'internal', participants: [], subject: name }
  const made = await call<{ conversation: { conversation: { id: string } } }>('/conversations', body)
  const path = `/api/messaging/conversations/${made.conversation.conversation.id}/messages`
  return { url: `http://127.0.0.1:${server.port}${path}`, token: server.tokenOf(name, workspace) }
}

/** Lets a crowd post in a process of its own, and answers how long it took. */
function crowd(order: CrowdOrder): Promise<HistogramCounts> {
  return new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, '../load/crowd.ts'))
    child.once('message', (counts) => resolve(counts as HistogramCounts))
    child.once('exit', (code) => reject(new Error(`The crowd ended with ${code}`)))
    child.send(order)
  })
}

/** What a workspace feels of another one that sends as much as it may: a message a second, alone and beside it, with the limits on. */
export const neighbour: Workload = async ({ seconds, runs }, database) => {
  database.drop('parley')
  const env = { DATABASE_URL: database.create('parley'), PARLEY_RATE_LIMITS: 'on' }
  const server = await startParleyWith(env)
  try {
    const quiet = await postOf(server, 'ana', 'quiet')
    const posts: Post[] = []
    for (let index = 0; index < noisyPeople; index++) posts.push(await postOf(server, `u${index}`, 'noisy'))
    const [alone, beside, others] = [new Histogram(), new Histogram(), new Histogram()]
    const besideThem = async () => {
      await sleep(1_000)
      await postEvery(quietInterval, seconds - 2, quiet, beside)
    }
    for (let run = 0; run < runs; run++) {
      await awaitQuiet()
      await postEvery(quietInterval, seconds, quiet, alone)
      const [counts] = await Promise.all([crowd({ posts, interval: noisyInterval, seconds }), besideThem()])
      others.merge(counts)
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
