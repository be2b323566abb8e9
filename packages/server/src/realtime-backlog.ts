import type { Socket } from 'socket.io'

/** The most a socket may have waiting before it is behind. */
const backlogLimits = { events: 256, bytes: 256 * 1024, patience: 20_000, check: 250 } as const

/** The part of an Engine.IO connection that tells what waits: packets not yet framed, and bytes not yet written. */
interface Wire {
  readonly writeBuffer: readonly unknown[]
  readonly transport: { readonly socket?: { readonly bufferedAmount?: number } }
}

function wireOf(socket: Socket): Wire {
  return socket.conn as unknown as Wire
}

function queuedEvents(socket: Socket): number {
  return wireOf(socket).writeBuffer.length
}

function queuedBytes(socket: Socket): number {
  return wireOf(socket).transport.socket?.bufferedAmount ?? 0
}

/** Whether a socket has more waiting than its share. */
function isFull(socket: Socket): boolean {
  return queuedEvents(socket) > backlogLimits.events || queuedBytes(socket) > backlogLimits.bytes
}

function isDrained(socket: Socket): boolean {
  return queuedEvents(socket) === 0 && queuedBytes(socket) === 0
}

/**
 * Keeps readers that do not keep up from costing memory (delivery G8): nothing more is queued for them, and once what is
 * queued has gone they are told that they are behind, to fetch what they missed. Who does not drain in time is closed.
 */
export class Backlog {
  readonly #behind = new Map<string, { socket: Socket; waited: number }>()
  readonly #onBehind: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(onBehind: () => void) {
    this.#onBehind = onBehind
  }

  /** Whether an event may be queued for a socket now. */
  admits(socket: Socket): boolean {
    if (this.#behind.has(socket.id)) return false
    if (!isFull(socket)) return true
    this.#behind.set(socket.id, { socket, waited: 0 })
    this.#onBehind()
    this.#timer ??= setInterval(() => this.#check(), backlogLimits.check)
    return false
  }

  /** Forgets a socket that has gone. */
  forget(socketId: string): void {
    this.#behind.delete(socketId)
    if (this.#behind.size === 0) this.close()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #check(): void {
    for (const [id, entry] of this.#behind) {
      entry.waited += backlogLimits.check
      if (isDrained(entry.socket)) {
        this.forget(id)
        entry.socket.emit('behind', {})
      } else if (entry.waited >= backlogLimits.patience) {
        this.forget(id)
        entry.socket.disconnect(true)
      }
    }
  }
}
