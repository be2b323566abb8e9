import { setTimeout as sleep } from 'node:timers/promises'
import type { DurableEvent } from '../../packages/protocol/src/events.ts'
import type { Roamer } from './roamer.ts'

const firstDelay = 500
const retryDelay = 1_000

interface Resumed {
  readonly ok?: {
    readonly status: string
    readonly epoch: string
    readonly heads: Record<string, number>
    readonly events: readonly DurableEvent[]
    readonly behind: readonly string[]
  }
}

/** A client of few bytes, to have a thousand of: follows one internal conversation, where every position must come, one after the other. */
export class LightClient {
  /** Gaps and repetitions. */
  readonly faults: string[] = []
  /** Up to where the conversation is known. */
  position: number
  /** Whether it has a socket over which it has resumed. */
  live = false
  readonly #roamer: Roamer
  readonly #conversationId: string
  readonly #url: string
  #epoch: string | null = null
  #socket: WebSocket | undefined
  #stopped = false

  /** @param url the server; @param position where to begin */
  constructor(roamer: Roamer, url: string, conversationId: string, position: number) {
    this.#roamer = roamer
    this.#url = `${url.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket`
    this.#conversationId = conversationId
    this.position = position
    this.#open()
  }

  stop(): void {
    this.#stopped = true
    this.#socket?.close()
  }

  #open(): void {
    const socket = new WebSocket(this.#url)
    this.#socket = socket
    socket.onmessage = ({ data }) => this.#take(socket, String(data))
    socket.onclose = () => void this.#openAgain()
  }

  async #openAgain(): Promise<void> {
    const wasLive = this.live
    this.live = false
    await sleep((wasLive ? firstDelay : retryDelay) * (1 + Math.random()))
    if (!this.#stopped) this.#open()
  }

  #take(socket: WebSocket, text: string): void {
    if (text === '2') socket.send('3')
    else if (text.startsWith('0')) socket.send(`40${JSON.stringify({ token: this.#roamer.token })}`)
    else if (text.startsWith('40')) {
      const cursors = { [this.#conversationId]: this.position }
      socket.send(`420${JSON.stringify(['resume', { epoch: this.#epoch, cursors }])}`)
    } else if (text.startsWith('430')) void this.#resumed(socket, JSON.parse(text.slice(3))[0])
    else if (text.startsWith('42')) this.#event(JSON.parse(text.slice(2)))
    else if (text.startsWith('44') || text.startsWith('41')) socket.close()
  }

  async #resumed(socket: WebSocket, { ok }: Resumed): Promise<void> {
    if (ok?.status !== 'ok') return socket.close()
    this.#epoch = ok.epoch
    for (const event of ok.events) this.#apply(event)
    try {
      if (ok.behind.includes(this.#conversationId)) await this.#fetch()
      this.live = true
    } catch {
      socket.close()
    }
  }

  #event([name, event]: [string, DurableEvent]): void {
    if (name === 'behind') this.#socket?.close()
    else if ('seq' in event) this.#apply(event)
  }

  #apply({ conversationId, seq }: DurableEvent): void {
    if (conversationId !== this.#conversationId || seq <= this.position) return
    if (seq !== this.position + 1 && this.live) this.faults.push(`lost: ${seq} came after ${this.position}`)
    this.position = seq
  }

  async #fetch(): Promise<void> {
    let more = true
    while (more) {
      const page = await this.#roamer.call('listChanges', {
        conversationId: this.#conversationId,
        after: this.position,
      })
      for (const event of page.items) this.#apply(event)
      more = page.more
    }
  }
}
