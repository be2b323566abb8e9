import type { OperationOutput, Profile } from '@parley/protocol'
import { LRUCache } from 'lru-cache'
import type { Clock } from './context.ts'

/** What the newest page of a conversation answers. */
export type NewestPage = OperationOutput<'listMessages'>

/**
 * Values of one kind. An entry is right for one version, which the reader has just read from the database: what is of another version is
 * not there (adr 13).
 */
export interface Shelf<Value extends object> {
  /** Those that are there in this version, by key. Nobody may change them. */
  take(keys: readonly string[], version: string): Promise<Map<string, Value>>
  /** Keeps values in place of other versions. */
  put(values: ReadonlyMap<string, Value>, version: string): void
}

/** How much is kept, and how often it served. */
export interface CacheCounts {
  readonly entries: number
  readonly hits: number
  readonly misses: number
}

/** What has been read before, for readers who know its version. It holds no permission: who may read is asked of the database. */
export interface Cache {
  readonly profiles: Shelf<Profile>
  readonly pages: Shelf<NewestPage>
  /** Since the start, by kind. */
  counts(): Readonly<Record<'profiles' | 'pages', CacheCounts>>
}

/** How much memory the cache may use, and for how long. */
export interface CacheLimits {
  /** Entries of each kind; 0 keeps none. */
  readonly entries: number
  /** How long an entry is kept at most, seconds; 0 keeps none. */
  readonly seconds: number
}

/** As JSON, of all pages together: a page may hold 50 long messages. */
const largestPages = 32_000_000

interface Entry<Value> {
  readonly version: string
  readonly value: Value
}

class MemoryShelf<Value extends object> implements Shelf<Value> {
  readonly #entries: LRUCache<string, Entry<Value>>
  #hits = 0
  #misses = 0

  constructor(options: LRUCache.Options<string, Entry<Value>, unknown>) {
    this.#entries = new LRUCache(options)
  }

  get counts(): CacheCounts {
    return { entries: this.#entries.size, hits: this.#hits, misses: this.#misses }
  }

  async take(keys: readonly string[], version: string): Promise<Map<string, Value>> {
    const found = new Map<string, Value>()
    for (const key of keys) {
      const entry = this.#entries.get(key)
      if (entry?.version === version) found.set(key, entry.value)
    }
    this.#hits += found.size
    this.#misses += keys.length - found.size
    return found
  }

  put(values: ReadonlyMap<string, Value>, version: string): void {
    for (const [key, value] of values) this.#entries.set(key, { version, value })
  }
}

const nothing: CacheCounts = { entries: 0, hits: 0, misses: 0 }
const emptyShelf = { take: async () => new Map<string, never>(), put: () => {} }

/** A cache that keeps nothing. */
export const noCache: Cache = {
  profiles: emptyShelf,
  pages: emptyShelf,
  counts: () => ({ profiles: nothing, pages: nothing }),
}

/** Makes a cache in this process. */
export function createCache({ entries, seconds }: CacheLimits, clock: Clock): Cache {
  if (entries === 0 || seconds === 0) return noCache
  const options = { max: entries, ttl: seconds * 1000, perf: { now: clock } }
  const profiles = new MemoryShelf<Profile>(options)
  const pages = new MemoryShelf<NewestPage>({
    ...options,
    maxSize: largestPages,
    sizeCalculation: ({ value }) => JSON.stringify(value).length,
  })
  return { profiles, pages, counts: () => ({ profiles: profiles.counts, pages: pages.counts }) }
}
