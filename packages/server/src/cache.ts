import { type OperationOutput, type Profile, protocolHistory } from '@parley/protocol'
import { LRUCache } from 'lru-cache'
import { RedisCache } from './cache-redis.ts'
import type { Config } from './config.ts'
import type { Clock } from './context.ts'

/** What the newest page of a conversation answers. */
type NewestPage = OperationOutput<'listMessages'>

/**
 * Values of one kind. An entry is right for one version, which the reader has just read from the database: what is of another version is
 * not there (adr 13).
 */
interface Shelf<Value extends object> {
  /** Those that are there in this version, by key. Nobody may change them. */
  take(keys: readonly string[], version: string): Promise<Map<string, Value>>
  /** Keeps values in place of other versions. */
  put(values: ReadonlyMap<string, Value>, version: string): void
}

/** How much is kept here, and how often it served. */
export interface CacheCounts {
  readonly entries: number
  /** Found in this process, and found in Redis. */
  readonly here: number
  readonly shared: number
  readonly misses: number
}

/** What has been read before, for readers who know its version. It holds no permission: who may read is asked of the database. */
export interface Cache {
  /** How many entries of a kind are kept at most. */
  readonly size: number
  readonly profiles: Shelf<Profile>
  readonly pages: Shelf<NewestPage>
  /** Since the start, by kind. */
  counts(): Readonly<Record<'profiles' | 'pages', CacheCounts>>
  close(): void
}

/** As JSON, of all pages together: a page may hold 50 long messages. */
const largestPages = 32_000_000

interface Entry<Value> {
  readonly version: string
  readonly value: Value
}

/** What this process keeps, before what nodes share. */
class TwoLevels<Value extends object> implements Shelf<Value> {
  readonly #entries: LRUCache<string, Entry<Value>>
  readonly #remote: RedisCache | undefined
  #here = 0
  #shared = 0
  #misses = 0

  constructor(options: LRUCache.Options<string, Entry<Value>, unknown>, remote?: RedisCache) {
    this.#entries = new LRUCache(options)
    this.#remote = remote
  }

  get counts(): CacheCounts {
    return { entries: this.#entries.size, here: this.#here, shared: this.#shared, misses: this.#misses }
  }

  async take(keys: readonly string[], version: string): Promise<Map<string, Value>> {
    const found = new Map<string, Value>()
    for (const key of keys) {
      const entry = this.#entries.get(key)
      if (entry?.version === version) found.set(key, entry.value)
    }
    this.#here += found.size
    const missing = keys.filter((key) => !found.has(key))
    await Promise.all(missing.map((key) => this.#fetch(key, version, found)))
    this.#misses += keys.length - found.size
    return found
  }

  put(values: ReadonlyMap<string, Value>, version: string): void {
    for (const [key, value] of values) {
      this.#entries.set(key, { version, value })
      this.#remote?.put(key, version, value)
    }
  }

  async #fetch(key: string, version: string, found: Map<string, Value>): Promise<void> {
    const value = (await this.#remote?.take(key, version)) as Value | undefined
    if (value === undefined) return
    this.#shared += 1
    this.#entries.set(key, { version, value })
    found.set(key, value)
  }
}

const nothing: CacheCounts = { entries: 0, here: 0, shared: 0, misses: 0 }
const emptyShelf = { take: async () => new Map<string, never>(), put: () => {} }

/** A cache that keeps nothing. */
export const noCache: Cache = {
  size: 0,
  profiles: emptyShelf,
  pages: emptyShelf,
  counts: () => ({ profiles: nothing, pages: nothing }),
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

/** Opens a cache in this process, with pages in Redis behind it where there is one. */
export function openCache(parts: CacheParts): Cache {
  const { entries, seconds } = parts.config.cache
  if (entries === 0 || seconds === 0) return noCache
  const remote = openRemote(parts)
  const options = { max: entries, ttl: seconds * 1000, perf: { now: parts.clock } }
  const profiles = new TwoLevels<Profile>(options)
  const sizeCalculation = ({ value }: Entry<NewestPage>) => JSON.stringify(value).length
  const pages = new TwoLevels<NewestPage>({ ...options, maxSize: largestPages, sizeCalculation }, remote)
  return {
    size: entries,
    profiles,
    pages,
    counts: () => ({ profiles: profiles.counts, pages: pages.counts }),
    close: () => remote?.close(),
  }
}
