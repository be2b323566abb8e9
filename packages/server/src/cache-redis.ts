import type { Redis } from 'ioredis'
import { openSealed, seal } from './cache-seal.ts'
import type { Clock } from './clock.ts'
import { openRedis } from './redis.ts'

/** What a cache in Redis needs. */
export interface RedisCacheParts {
  readonly url: string
  /** Begins every key: names the installation and the wire its values are of. */
  readonly prefix: string
  /** Seals what goes there: whoever can read or write in Redis can neither read nor make values. */
  readonly secret: string
  /** How long a value is kept, seconds. */
  readonly seconds: number
  /** Only goes forward. */
  readonly clock: Clock
}

/** How long anybody waits, milliseconds. */
const patience = 50
/** How long nobody asks after a command that failed, milliseconds. */
const pause = 1_000

/** Values that nodes share. Redis away, slow or full of nonsense is a value that is not there. */
export class RedisCache {
  readonly #parts: RedisCacheParts
  readonly #redis: Redis
  #silentUntil = 0

  constructor(parts: RedisCacheParts) {
    this.#parts = parts
    this.#redis = openRedis(parts.url, patience)
  }

  /** The value of a key, if it was put for this version. */
  async take(key: string, version: string): Promise<object | undefined> {
    const name = this.#nameOf(key)
    const sealed = await this.#try(() => this.#redis.getBuffer(name))
    if (!sealed) return undefined
    const text = openSealed(this.#parts.secret, `${name} ${version}`, sealed)
    return text === undefined ? undefined : JSON.parse(text)
  }

  /** Puts a value in the place of other versions, soon. */
  put(key: string, version: string, value: object): void {
    const name = this.#nameOf(key)
    const sealed = seal(this.#parts.secret, `${name} ${version}`, JSON.stringify(value))
    void this.#try(() => this.#redis.set(name, sealed, 'EX', this.#parts.seconds))
  }

  close(): void {
    this.#redis.disconnect()
  }

  #nameOf(key: string): string {
    return `${this.#parts.prefix}:${key}`
  }

  async #try<Result>(command: () => Promise<Result>): Promise<Result | undefined> {
    const { clock } = this.#parts
    if (this.#redis.status !== 'ready' || clock() < this.#silentUntil) return undefined
    try {
      return await command()
    } catch {
      this.#silentUntil = clock() + pause
      return undefined
    }
  }
}
