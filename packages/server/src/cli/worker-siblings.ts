import type { Packet } from '../bus-linked.ts'
import { spread } from '../ids.ts'
import type { Errand, Reply, Siblings } from '../siblings.ts'
import type { Ask, FromWorker, Told, ToWorker } from './worker-words.ts'

/** Who was asked and says nothing for so long counts as hung, until he answers; his errands are done where they came from. Milliseconds. */
const patience = 1_000
const sweepInterval = 250

interface Pending {
  readonly to: number
  readonly since: number
  readonly resolve: (reply: Reply | undefined) => void
}

/** What goes to each of several, gathered until the end of the turn. */
class Outbox<Item> {
  readonly #waiting = new Map<number, Item[]>()
  readonly #send: (to: number, items: readonly Item[]) => void

  constructor(send: (to: number, items: readonly Item[]) => void) {
    this.#send = send
  }

  add(to: number, item: Item): void {
    const waiting = this.#waiting.get(to)
    if (waiting) waiting.push(item)
    else this.#waiting.set(to, [item])
    if (!waiting && this.#waiting.size === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    for (const [to, items] of this.#waiting) this.#send(to, items)
    this.#waiting.clear()
  }
}

/** The way of a worker to the others, over the channel to the process that forked it. */
export class WorkerSiblings implements Siblings {
  readonly #self: number
  readonly #tell: (word: FromWorker) => void
  readonly #pending = new Map<number, Pending>()
  readonly #asks: Outbox<Ask>
  readonly #replies: Outbox<Told>
  readonly #answering = new Set<Promise<void>>()
  /** When each was last heard of. */
  readonly #heard = new Map<number, number>()
  readonly #hung = new Set<number>()
  #onPacket: (packet: Packet) => void = () => {}
  #onAsk: ((errand: Errand) => Promise<Reply>) | undefined
  #serving: readonly number[] = []
  #asked = 0

  /**
   * @param self this worker's number
   * @param tell says something to the process that forked it
   */
  constructor(self: number, tell: (word: FromWorker) => void) {
    this.#self = self
    this.#tell = tell
    this.#asks = new Outbox((to, asks) => tell({ kind: 'asks', to, asks }))
    this.#replies = new Outbox((to, replies) => tell({ kind: 'replies', to, replies }))
    setInterval(() => this.#sweep(), sweepInterval).unref()
  }

  send(packet: Packet): void {
    this.#tell({ kind: 'packet', packet })
  }

  onPacket(listener: (packet: Packet) => void): void {
    this.#onPacket = listener
  }

  ask(errand: Errand): Promise<Reply | undefined> | undefined {
    const to = this.#serving[spread(errand.input.conversationId, this.#serving.length)]
    if (to === undefined || to === this.#self || this.#hung.has(to)) return undefined
    const number = this.#asked++
    this.#asks.add(to, { number, errand })
    return new Promise((resolve) => this.#pending.set(number, { to, since: performance.now(), resolve }))
  }

  onAsk(listener: (errand: Errand) => Promise<Reply>): void {
    this.#onAsk = listener
  }

  /** Takes what the process that forked this one says. */
  hear(word: ToWorker): void {
    if (word.kind === 'packet') this.#onPacket(word.packet)
    else if (word.kind === 'serving') this.#regroup(word.workers)
    else if (word.kind === 'asks') for (const ask of word.asks) this.#serve(word.from, ask)
    else if (word.kind === 'replies') this.#take(word.from, word.replies)
  }

  /** Resolves once all that was asked of this process is answered. */
  async idle(): Promise<void> {
    while (this.#answering.size > 0) await Promise.all(this.#answering)
  }

  #regroup(workers: readonly number[]): void {
    this.#serving = workers
    for (const worker of this.#hung) if (!workers.includes(worker)) this.#hung.delete(worker)
    for (const worker of this.#heard.keys()) if (!workers.includes(worker)) this.#heard.delete(worker)
    this.#doHere(({ to }) => !workers.includes(to))
  }

  #serve(from: number, { number, errand }: Ask): void {
    const answering = (async () => {
      const reply = await this.#onAsk?.(errand)
      if (reply) this.#replies.add(from, { number, reply })
    })()
    this.#answering.add(answering)
    void answering.finally(() => this.#answering.delete(answering))
  }

  #take(from: number, replies: readonly Told[]): void {
    this.#heard.set(from, performance.now())
    this.#hung.delete(from)
    for (const { number, reply } of replies) this.#settle(number, reply)
  }

  #settle(number: number, reply: Reply | undefined): void {
    this.#pending.get(number)?.resolve(reply)
    this.#pending.delete(number)
  }

  #sweep(): void {
    const before = performance.now() - patience
    for (const { to, since } of this.#pending.values()) {
      if (since < before && (this.#heard.get(to) ?? 0) < before) this.#hung.add(to)
    }
    if (this.#hung.size > 0) this.#doHere(({ to }) => this.#hung.has(to))
  }

  #doHere(which: (pending: Pending) => boolean): void {
    for (const [number, pending] of this.#pending) if (which(pending)) this.#settle(number, undefined)
  }
}
