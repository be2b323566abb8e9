import type { Logger } from 'pino'
import type { Bus } from './bus.ts'
import { Link } from './bus-link.ts'
import { linkedBus } from './bus-linked.ts'

/** What a bus over Redis counts. */
export interface BusCounts {
  /** Words that other nodes did not get. */
  busFailed(count: number): void
}

/** What a bus over Redis needs. */
export interface RedisBusParts {
  readonly url: string
  /** The name of the database's history: installations that share a Redis do not hear each other. */
  readonly epoch: string
  readonly nodeId: string
  readonly counts: BusCounts
  readonly log: Logger
}

/**
 * A bus over Redis pub/sub: the others hear this node when Redis carries it there, and otherwise find what was written in the log
 * (delivery G10).
 */
export function redisBus({ url, epoch, nodeId, counts, log }: RedisBusParts): Bus {
  return linkedBus(nodeId, log, ({ hear, turned }) => {
    return new Link({
      url,
      channel: `parley:${epoch}`,
      nodeId,
      hear,
      failed: (count) => counts.busFailed(count),
      turned: (healthy) => {
        if (healthy) log.info('Redis answers')
        else log.warn('Redis does not answer: what other servers write is found in the log, up to half a second later')
        turned()
      },
    })
  })
}
