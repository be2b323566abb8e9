import { setTimeout as sleep } from 'node:timers/promises'
import type { Histogram } from './histogram.ts'

/** Where somebody posts messages, and as who. */
export interface Post {
  readonly url: string
  readonly token: string
}

const refused = 429

/** What the limits refuse does not count. */
async function send({ url, token }: Post, histogram: Histogram): Promise<void> {
  const begun = performance.now()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ clientKey: `post-${begun}`, text: 'Hello' })
  const answer = await fetch(url, { method: 'POST', headers, body })
  const said = await answer.text()
  if (answer.ok) histogram.add((performance.now() - begun) * 1000)
  else if (answer.status !== refused) throw new Error(`${url} answered ${answer.status}: ${said}`)
}

/**
 * Posts at even times, whether or not earlier ones were answered.
 * @param interval milliseconds
 * @param histogram takes how long each took
 * @throws Error for any answer that is neither a message nor a refusal of the limits
 */
export async function postEvery(interval: number, seconds: number, post: Post, histogram: Histogram): Promise<void> {
  const under: Promise<void>[] = []
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(interval)) {
    under.push(send(post, histogram))
  }
  await Promise.all(under)
}
