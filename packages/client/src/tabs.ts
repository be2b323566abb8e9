import type { Message } from '@parley/protocol'
import type { Pending } from './state.ts'

/** What the clients that share an outbox tell each other. */
export type TabMessage =
  | { readonly type: 'put'; readonly pending: Pending }
  | { readonly type: 'removed'; readonly conversationId: string; readonly clientKey: string }
  | { readonly type: 'stored'; readonly message: Message }

/** The clients that share an outbox, such as the tabs of a browser. */
export interface Tabs {
  /** Tells the others. */
  post(message: TabMessage): void
  /** Takes the lead from whoever has it. */
  takeLead(): void
  close(): void
}

/** What a client does as one of several. */
export interface TabEvents {
  /** From now on this client is the one that sends. */
  readonly onLead: () => void
  /** Another client has taken the lead; this one has it again when it is its turn. */
  readonly onLost: () => void
  readonly onMessage: (message: TabMessage) => void
}

/** The lead among clients: a lock, held or waited for. */
class Lead {
  readonly #name: string
  readonly #events: TabEvents
  /** Gives up what is held or waited for. */
  #leave = () => {}

  constructor(name: string, events: TabEvents) {
    this.#name = name
    this.#events = events
    this.request()
  }

  /** Waits for the lead, or takes it. */
  request(steal = false): void {
    this.#leave()
    const [held, abort] = [Promise.withResolvers<void>(), new AbortController()]
    this.#leave = () => {
      held.resolve()
      abort.abort()
    }
    const hold = () => {
      if (abort.signal.aborted) return
      this.#events.onLead()
      return held.promise
    }
    const how = steal ? { steal } : { signal: abort.signal }
    navigator.locks.request(this.#name, how, hold).catch((error: unknown) => {
      if (abort.signal.aborted) return
      const wasStolen = error instanceof DOMException && error.name === 'AbortError'
      if (!wasStolen) return this.#events.onLead()
      this.#events.onLost()
      this.request()
    })
  }

  close(): void {
    this.#leave()
  }
}

/** What the tabs of a browser talk over; null where there is none, or where it is refused, as in frames whose storage is blocked. */
function openChannel(name: string): BroadcastChannel | null {
  try {
    return typeof navigator !== 'undefined' && navigator.locks !== undefined ? new BroadcastChannel(name) : null
  } catch {
    return null
  }
}

/**
 * Joins the clients that share an outbox; exactly one of them leads, as far as the surroundings can tell: without Web Locks or channels, or where they are refused, everyone
 * does, and client keys keep a message from being stored twice.
 * @param name what they share; null for a client of its own
 */
export function joinTabs(name: string | null, events: TabEvents): Tabs {
  const channel = name === null ? null : openChannel(name)
  if (name === null || channel === null) {
    events.onLead()
    return { post: () => {}, takeLead: () => {}, close: () => {} }
  }
  channel.onmessage = ({ data }: MessageEvent<TabMessage>) => events.onMessage(data)
  const lead = new Lead(name, events)
  return {
    post: (message) => channel.postMessage(message),
    takeLead: () => lead.request(true),
    close: () => {
      lead.close()
      channel.close()
    },
  }
}
