import { setTimeout as sleep } from 'node:timers/promises'
import type { DurableEvent } from '@parley/protocol'
import type { Person } from './people.ts'
import { isDurable, type TestSocket } from './socket.ts'

/** Somebody who reads along over a socket and resumes by cursor whenever it is lost. */
export interface Reader {
  readonly person: Person
  /** What was applied of a conversation, in the order it was. */
  log(conversationId: string): readonly DurableEvent[]
  /** How often a socket was opened. */
  readonly connections: number
  /** Waits until everything up to a position of a conversation was applied. */
  reached(conversationId: string, seq: number, limit?: number): Promise<void>
  /** Stops. Throws when something was read that the protocol does not allow. */
  stop(): Promise<void>
}

const reconnectDelay = 40

class ResumingReader implements Reader {
  readonly person: Person
  readonly #conversationIds: readonly string[]
  readonly #logs = new Map<string, DurableEvent[]>()
  readonly #positions = new Map<string, number>()
  readonly #running: Promise<void>
  #epoch: string | null = null
  #socket: TestSocket | undefined
  #work = Promise.resolve()
  #stopped = false
  connections = 0

  constructor(person: Person, conversationIds: readonly string[]) {
    this.person = person
    this.#conversationIds = conversationIds
    for (const id of conversationIds) this.#logs.set(id, [])
    this.#running = this.#run()
    this.#running.catch(() => undefined)
  }

  log(conversationId: string): readonly DurableEvent[] {
    return this.#logs.get(conversationId) ?? []
  }

  async reached(conversationId: string, seq: number, limit = 10_000): Promise<void> {
    const deadline = performance.now() + limit
    while (this.#have(conversationId) < seq) {
      if (performance.now() > deadline) {
        throw new Error(`${this.person.id} stands at ${this.#have(conversationId)} of ${seq} in ${conversationId}`)
      }
      await sleep(10)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#socket?.close()
    await this.#running
  }

  #have(conversationId: string): number {
    return this.#positions.get(conversationId) ?? 0
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const [opened] = await Promise.allSettled([this.person.socket()])
      if (opened.status === 'fulfilled') await this.#follow(opened.value)
      if (!this.#stopped) await sleep(reconnectDelay)
    }
  }

  async #follow(socket: TestSocket): Promise<void> {
    this.#socket = socket
    this.connections += 1
    this.#then(socket, () => this.#resume(socket))
    socket.listen(({ name, payload }) => {
      if (name === 'behind') this.#then(socket, () => this.#resume(socket))
      else if (isDurable(name)) this.#then(socket, () => this.#take(payload as DurableEvent))
    })
    await socket.closed()
    await this.#work
    socket.close()
  }

  /** One thing after the other; what cannot be finished is resumed with the next socket. */
  #then(socket: TestSocket, step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch(() => socket.drop())
  }

  async #resume(socket: TestSocket): Promise<void> {
    const cursors = Object.fromEntries(this.#conversationIds.map((id) => [id, this.#have(id)]))
    const answer = await socket.command('resume', { epoch: this.#epoch, cursors })
    if (answer.status === 'resync') throw new Error('The cursors do not fit the database')
    this.#epoch = answer.epoch
    for (const event of answer.events) this.#apply(event)
    for (const id of this.#conversationIds) {
      if (answer.behind.includes(id)) await this.#fetch(id)
      else this.#positions.set(id, Math.max(this.#have(id), answer.heads[id] ?? 0))
    }
  }

  async #take(event: DurableEvent): Promise<void> {
    if (event.prev > this.#have(event.conversationId)) await this.#fetch(event.conversationId)
    this.#apply(event)
  }

  async #fetch(conversationId: string): Promise<void> {
    let more = true
    while (more) {
      const page = await this.person.call('listChanges', { conversationId, after: this.#have(conversationId) })
      for (const event of page.items) this.#apply(event)
      this.#positions.set(conversationId, page.seq)
      more = page.more
    }
  }

  #apply(event: DurableEvent): void {
    if (event.seq <= this.#have(event.conversationId)) return
    this.#logs.get(event.conversationId)?.push(event)
    this.#positions.set(event.conversationId, event.seq)
  }
}

/** Reads conversations from their beginning on. */
export function startReader(person: Person, conversationIds: readonly string[]): Reader {
  return new ResumingReader(person, conversationIds)
}
