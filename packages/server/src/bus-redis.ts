import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import { type Bus, type Hint, localBus, type PresenceNews } from './bus.ts'
import { Link, type Word } from './bus-link.ts'

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

function withoutFresh({ fresh: _, ...hint }: Hint): Hint {
  return hint
}

function repeat(local: Bus, word: Word, onNews: (news: PresenceNews) => void): void {
  if ('hint' in word) local.hear(word.hint)
  else if ('signal' in word) local.signal(word.signal)
  else if ('revocation' in word) local.revoke(word.revocation)
  else if ('news' in word) onNews(word.news)
}

/**
 * A bus over Redis pub/sub. This node hears itself at once, in process; the others hear it when Redis carries it there, and otherwise find
 * what was written in the log (delivery G10).
 */
export function redisBus({ url, epoch, nodeId, counts, log }: RedisBusParts): Bus {
  const local = localBus(nodeId)
  const emitter = new EventEmitter()
  const link = new Link({
    url,
    channel: `parley:${epoch}`,
    nodeId,
    hear: (from, words) => {
      for (const word of words) repeat(local, word, (news) => void emitter.emit('news', from, news))
    },
    failed: (count) => counts.busFailed(count),
    turned: (healthy) => {
      log.info({ healthy }, 'way to other nodes')
      emitter.emit('health')
    },
  })
  return {
    ...local,
    get healthy() {
      return link.healthy
    },
    publish: (hint) => {
      local.publish(hint)
      link.send({ hint: withoutFresh(hint) })
    },
    signal: (signal) => {
      local.signal(signal)
      link.send({ signal })
    },
    revoke: (revocation) => {
      local.revoke(revocation)
      link.send({ revocation })
    },
    announce: (news) => link.send({ news }),
    onNews: (listener) => void emitter.on('news', listener),
    onHealth: (listener) => void emitter.on('health', listener),
    close: () => link.close(),
  }
}
