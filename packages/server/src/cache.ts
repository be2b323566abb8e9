import { type OperationOutput, protocolHistory } from '@parley/protocol'
import { LRUCache } from 'lru-cache'
import { RedisCache } from './cache-redis.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'

/** What the newest page of a conversation answers. */
type NewestPage = OperationOutput<'listMessages'>

/** How much is kept in this process, and how often it served. */
export interface CacheCounts {
  readonly entries: number
  /** Found in this process, and found in Redis. */
  readonly here: number
  readonly shared: number
  readonly misses: number
}

/**
 * The newest pages of conversations. A page is right for one version, which the reader has just read from the database together with his
 * right to see it: the cache knows of no rights, and what is of another version is not there (adr 13).
 */
export interface Cache {
  /** How many pages are kept at most. */
  readonly size: number
  /** The page that was put for this version. Nobody may change it. */
  take(key: string, version: string): Promise<NewestPage | undefined>
  /** Keeps a page in place of other versions. */
  put(key: string, version: string, page: NewestPage): void
  /** Since the start. */
  counts(): CacheCounts
  close(): void
}

interface Entry {
  readonly version: string
  readonly page: NewestPage
}

/** As JSON, of all pages together: a page may hold 50 long messages. */
const largestMemory = 32_000_000

/** What this process keeps, before what nodes share. */
class TwoLevels implements Cache {
  readonly size: number
  readonly #entries: LRUCache<string, Entry>
  readonly #remote: RedisCache | undefined
  #here = 0
  #shared = 0
  #misses = 0

  constructor({ entries, seconds }: Config['cache'], clock: Clock, remote: RedisCache | undefined) {
    this.size = entries
    this.#entries = new LRUCache({
      max: entries,
      ttl: seconds * 1000,
      perf: { now: clock },
      maxSize: largestMemory,
      sizeCalculation: ({ page }) => JSON.stringify(page).length,
    })
    this.#remote = remote
  }

  counts(): CacheCounts {
    return { entries: this.#entries.size, here: this.#here, shared: this.#shared, misses: this.#misses }
  }

  async take(key: string, version: string): Promise<NewestPage | undefined> {
    const entry = this.#entries.get(key)
    if (entry?.version === version) {
      this.#here += 1
      return entry.page
    }
    const page = (await this.#remote?.take(key, version)) as NewestPage | undefined
    if (page === undefined) {
      this.#misses += 1
      return undefined
    }
    this.#shared += 1
    this.#entries.set(key, { version, page })
    return page
  }

  put(key: string, version: string, page: NewestPage): void {
    this.#entries.set(key, { version, page })
    this.#remote?.put(key, version, page)
  }

  close(): void {
    this.#remote?.close()
  }
}

/** A cache that keeps nothing. */
export const noCache: Cache = {
  size: 0,
  take: async () => undefined,
  put: () => {},
  counts: () => ({ entries: 0, here: 0, shared: 0, misses: 0 }),
  close: () => {},
}

/** What a cache needs to know. */
export interface CacheParts {
  readonly config: Pick<Config, 'cache' | 'redisUrl' | 'secret'>
  /** The name of the database's history. */
  readonly epoch: string
  /** Only goes forward. */
  readonly clock: Clock
}

function openRemote({ config, epoch, clock }: CacheParts): RedisCache | undefined {
  const { cache, redisUrl: url, secret } = config
  if (url === undefined) return undefined
  const prefix = `parley:${epoch}:page:${protocolHistory.length}`
  return new RedisCache({ url, prefix, secret, seconds: cache.seconds, clock })
}

/** Opens a cache in this process, with Redis behind it where there is one. */
export function openCache(parts: CacheParts): Cache {
  const { cache } = parts.config
  if (cache.entries === 0 || cache.seconds === 0) return noCache
  return new TwoLevels(cache, parts.clock, openRemote(parts))
}
