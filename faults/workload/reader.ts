import { setTimeout as sleep } from 'node:timers/promises'
import { ParleyError } from '../../packages/protocol/src/errors.ts'
import type { DurableEvent } from '../../packages/protocol/src/events.ts'
import { isDurable, type TestSocket } from '../../packages/testing/src/socket.ts'
import type { Roamer } from './roamer.ts'
import { noteMark } from './writer.ts'

/** A message that came: when, and at which server. */
export interface Arrival {
  readonly clientKey: string
  readonly when: number
  readonly at: number
}

const reconnectDelay = 80
const markEvery = 40

/** Somebody who reads along, goes on by cursor after every loss, at whatever server answers, and starts over when told to. */
export class StandingReader {
  readonly roamer: Roamer
  readonly arrivals: Arrival[] = []
  /** What must not be: frames outside of the protocol, notes on the wrong side. */
  readonly faults: string[] = []
  /** How often a socket was opened, and how often everything had to be loaded afresh. */
  connections = 0
  resyncs = 0
  readonly #logs = new Map<string, DurableEvent[]>()
  readonly #positions = new Map<string, number>()
  readonly #marked = new Map<string, number>()
  readonly #running: Promise<void>
  #epoch: string | null = null
  #socket: TestSocket | undefined
  #work = Promise.resolve()
  #stopped = false

  constructor(roamer: Roamer, conversationIds: readonly string[]) {
    this.roamer = roamer
    for (const id of conversationIds) this.#forget(id)
    this.#running = this.#run()
    this.#running.catch(() => undefined)
  }

  get conversationIds(): string[] {
    return [...this.#logs.keys()]
  }

  get team(): boolean {
    return this.roamer.who.role !== 'external'
  }

  get connected(): boolean {
    return this.#socket?.connected ?? false
  }

  /** What was applied of a conversation, in the order it was. */
  log(conversationId: string): readonly DurableEvent[] {
    return this.#logs.get(conversationId) ?? []
  }

  /** Up to where a conversation is known. */
  position(conversationId: string): number {
    return this.#positions.get(conversationId) ?? 0
  }

  /** The highest read mark the server has confirmed. */
  marked(conversationId: string): number {
    return this.#marked.get(conversationId) ?? 0
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#socket?.drop()
    await this.#running
  }

  #forget(conversationId: string): void {
    this.#logs.set(conversationId, [])
    this.#positions.set(conversationId, 0)
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const [opened] = await Promise.allSettled([this.roamer.open()])
      if (opened.status === 'fulfilled') await this.#follow(opened.value)
      this.roamer.move()
      if (!this.#stopped) await sleep(reconnectDelay)
    }
  }

  async #follow(socket: TestSocket): Promise<void> {
    this.#socket = socket
    this.connections += 1
    this.#then(socket, () => this.#resume(socket))
    socket.listen(({ name, payload }) => {
      if (name === 'behind') this.#then(socket, () => this.#resume(socket))
      if (isDurable(name)) this.#take(socket, payload as DurableEvent)
    })
    await socket.closed()
    await this.#work
    try {
      socket.close()
    } catch (error) {
      this.faults.push(`${this.roamer.who.id}: ${error}`)
    }
  }

  /** One thing after the other; what cannot be finished is resumed with the next socket. */
  #then(socket: TestSocket, step: () => Promise<void>): void {
    this.#work = this.#work.then(() => (socket.connected ? step() : undefined)).catch(() => socket.drop())
  }

  #take(socket: TestSocket, event: DurableEvent): void {
    if (event.type === 'new-message') {
      const { clientKey } = event.data.message
      this.arrivals.push({ clientKey, when: performance.now(), at: this.roamer.at })
    }
    if (!this.team && JSON.stringify(event).includes(noteMark)) this.faults.push(`leaked: ${JSON.stringify(event)}`)
    this.#then(socket, async () => {
      if (event.prev > this.position(event.conversationId)) await this.#fetch(event.conversationId)
      this.#apply(event)
    })
  }

  async #resume(socket: TestSocket): Promise<void> {
    const cursors = Object.fromEntries(this.#positions)
    const answer = await socket.command('resume', { epoch: this.#epoch, cursors })
    this.#epoch = answer.epoch
    if (answer.status === 'resync') {
      this.resyncs += 1
      for (const id of this.#logs.keys()) this.#forget(id)
      this.#marked.clear()
    }
    for (const event of answer.events) this.#apply(event)
    for (const id of this.#logs.keys()) {
      const head = answer.heads[id]
      if (head === undefined) continue
      if (answer.status === 'resync' || answer.behind.includes(id)) await this.#fetch(id)
      else this.#positions.set(id, Math.max(this.position(id), head))
    }
  }

  async #fetch(conversationId: string): Promise<void> {
    let more = true
    while (more) {
      const page = await this.#page(conversationId)
      if (!page) return
      for (const event of page.items) this.#apply(event)
      this.#positions.set(conversationId, page.seq)
      more = page.more
    }
  }

  /** The next changes; null when the conversation is none of his any more. */
  async #page(conversationId: string) {
    try {
      return await this.roamer.call('listChanges', { conversationId, after: this.position(conversationId) })
    } catch (error) {
      if (error instanceof ParleyError && error.code === 'not_found') return null
      throw error
    }
  }

  #apply(event: DurableEvent): void {
    const { conversationId, seq } = event
    if (seq <= this.position(conversationId)) return
    this.#logs.get(conversationId)?.push(event)
    this.#positions.set(conversationId, seq)
    if (this.log(conversationId).length % markEvery === 0) void this.#mark(conversationId, seq)
  }

  async #mark(conversationId: string, seq: number): Promise<void> {
    const [answer] = await Promise.allSettled([this.roamer.call('markRead', { conversationId, seq })])
    if (answer.status === 'rejected') return
    this.#marked.set(conversationId, Math.max(this.marked(conversationId), answer.value.readSeq))
  }
}
