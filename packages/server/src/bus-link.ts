import type { Redis } from 'ioredis'
import type { Hint } from './bus.ts'
import type { Packet, Way, Word } from './bus-linked.ts'
import { openRedis } from './redis.ts'

/** What a link reports to. */
export interface LinkParts {
  readonly url: string
  readonly channel: string
  readonly nodeId: string
  /** Takes the words of another node. */
  readonly hear: (nodeId: string, words: readonly Word[]) => void
  /** Words that were not sent. */
  readonly failed: (count: number) => void
  /** {@link Link.healthy} has changed. */
  readonly turned: (healthy: boolean) => void
}

const beatInterval = 250
/** Heartbeats that may be missing before the link counts as down, and before its connections are made anew. */
const missedAtMost = 3
const missedBeforeRenewal = 12
const wordsWaiting = 10_000
const wordsPerPacket = 500

function withoutFresh({ fresh: _, ...hint }: Hint): Hint {
  return hint
}

function toPacket(text: string): Packet | null {
  try {
    const packet: Partial<Packet> | null = JSON.parse(text)
    const valid = typeof packet?.nodeId === 'string' && Array.isArray(packet.words)
    return valid ? (packet as Packet) : null
  } catch {
    return null
  }
}

/**
 * A node's way to the others over Redis pub/sub. It is healthy while the node hears its own heartbeats come back: that proves the whole way,
 * to Redis and from it, so that a hung server or a lost subscription shows within a second.
 */
export class Link implements Way {
  readonly #parts: LinkParts
  readonly #publisher: Redis
  readonly #subscriber: Redis
  readonly #timer: NodeJS.Timeout
  #waiting: Word[] = []
  #sending = false
  #missed = 0
  /** Unknown until it has been tried. */
  #healthy: boolean | undefined
  #closed = false

  constructor(parts: LinkParts) {
    this.#parts = parts
    this.#publisher = openRedis(parts.url)
    this.#subscriber = openRedis(parts.url)
    this.#publisher.on('close', () => this.#turn(false))
    this.#subscriber.on('close', () => this.#turn(false))
    this.#subscriber.on('ready', () => void this.#subscribe())
    this.#subscriber.on('message', (_channel: string, text: string) => this.#take(text))
    this.#timer = setInterval(() => this.#check(), beatInterval)
  }

  get healthy(): boolean {
    return this.#healthy === true
  }

  /** Sends a word soon, together with others; drops it where that is hopeless. */
  send(word: Word): void {
    if (!this.#healthy || this.#waiting.length >= wordsWaiting) {
      this.#parts.failed(1)
      return
    }
    this.#waiting.push('hint' in word ? { hint: withoutFresh(word.hint) } : word)
    if (this.#sending) return
    this.#sending = true
    setImmediate(() => void this.#drain())
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#publisher.disconnect()
    this.#subscriber.disconnect()
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) await this.#publish(this.#waiting.splice(0, wordsPerPacket))
    this.#sending = false
  }

  async #publish(words: readonly Word[]): Promise<void> {
    const { channel, nodeId, failed } = this.#parts
    try {
      await this.#publisher.publish(channel, JSON.stringify({ nodeId, words }))
    } catch {
      failed(words.length + this.#waiting.length)
      this.#waiting = []
      this.#turn(false)
    }
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#subscriber.subscribe(this.#parts.channel)
      await this.#publish([])
    } catch {
      this.#turn(false)
    }
  }

  #take(text: string): void {
    const packet = toPacket(text)
    if (!packet) return
    if (packet.nodeId !== this.#parts.nodeId) {
      this.#parts.hear(packet.nodeId, packet.words)
    } else if (packet.words.length === 0) {
      this.#missed = 0
      this.#turn(true)
    }
  }

  #check(): void {
    this.#missed += 1
    if (this.#missed > missedAtMost) this.#turn(false)
    if (this.#missed % missedBeforeRenewal === 0) {
      this.#publisher.disconnect(true)
      this.#subscriber.disconnect(true)
    }
    void this.#publish([])
  }

  #turn(healthy: boolean): void {
    if (this.#closed || this.#healthy === healthy) return
    this.#healthy = healthy
    this.#parts.turned(healthy)
  }
}
