import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import { type Bus, type Hint, localBus, type PresenceNews, type Revocation, type Signal } from './bus.ts'

/** What goes from one node to the others. */
export type Word =
  | { readonly hint: Hint }
  | { readonly signal: Signal }
  | { readonly revocation: Revocation }
  | { readonly news: PresenceNews }

/** Words that go together; none at all is a heartbeat. */
export interface Packet {
  readonly nodeId: string
  readonly words: readonly Word[]
}

/** A way to other nodes. It may lose words. */
export interface Way {
  /** Whether words arrive, both ways. */
  readonly healthy: boolean
  send(word: Word): void
  close(): void
}

/** What a way reports to. */
export interface WayEvents {
  /** Takes the words of another node. */
  readonly hear: (nodeId: string, words: readonly Word[]) => void
  /** {@link Way.healthy} has changed. */
  readonly turned: () => void
}

function repeat(local: Bus, word: Word, onNews: (news: PresenceNews) => void): void {
  if ('hint' in word) local.hear(word.hint)
  else if ('signal' in word) local.signal(word.signal)
  else if ('revocation' in word) local.revoke(word.revocation)
  else if ('news' in word) onNews(word.news)
}

/**
 * A bus with a way to other nodes. This node hears itself at once, in process.
 * @param log takes words that cannot be understood: they are as good as lost
 * @param open opens the way; what comes by it is heard here
 */
export function linkedBus(nodeId: string, log: Logger, open: (events: WayEvents) => Way): Bus {
  const local = localBus(nodeId)
  const emitter = new EventEmitter()
  const way = open({
    hear: (from, words) => {
      for (const word of words) {
        try {
          repeat(local, word, (news) => void emitter.emit('news', from, news))
        } catch (error) {
          log.warn({ error, from }, 'a word of another server cannot be understood')
        }
      }
    },
    turned: () => void emitter.emit('health'),
  })
  return {
    ...local,
    get healthy() {
      return way.healthy
    },
    publish: (hint) => {
      local.publish(hint)
      way.send({ hint })
    },
    signal: (signal) => {
      local.signal(signal)
      way.send({ signal })
    },
    revoke: (revocation) => {
      local.revoke(revocation)
      way.send({ revocation })
    },
    announce: (news) => way.send({ news }),
    onNews: (listener) => void emitter.on('news', listener),
    onHealth: (listener) => void emitter.on('health', listener),
    close: () => way.close(),
  }
}
