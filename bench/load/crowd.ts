/** People who post, in a process of their own: who is measured beside them must not wait for them at his own end. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Histogram } from './histogram.ts'
import { type Post, postEvery } from './posts.ts'

/** What a crowd is told. */
export interface CrowdOrder {
  readonly posts: readonly Post[]
  /** How often each of them posts, milliseconds. */
  readonly interval: number
  readonly seconds: number
}

process.once('message', async ({ posts, interval, seconds }: CrowdOrder) => {
  const histogram = new Histogram()
  const one = async (post: Post, index: number) => {
    await sleep((interval / posts.length) * index)
    await postEvery(interval, seconds, post, histogram)
  }
  await Promise.all(posts.map(one))
  process.send?.(histogram.counts())
  process.disconnect()
})
