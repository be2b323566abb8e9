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
  close(): void
}

/** What a client does as one of several. */
export interface TabEvents {
  /** From now on this client is the one that sends. */
  readonly onLead: () => void
  readonly onMessage: (message: TabMessage) => void
}

function lead(name: string, onLead: () => void): () => void {
  const abort = new AbortController()
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const hold = () => {
    onLead()
    return held
  }
  navigator.locks.request(name, { signal: abort.signal }, hold).catch(() => {})
  return () => {
    release()
    abort.abort()
  }
}

/**
 * Joins the clients that share an outbox; exactly one of them leads, as far as the surroundings can tell: without Web Locks everyone
 * does, and client keys keep a message from being stored twice.
 * @param name what they share; null for a client of its own
 */
export function joinTabs(name: string | null, events: TabEvents): Tabs {
  const canLock = typeof navigator !== 'undefined' && navigator.locks !== undefined
  if (name === null || !canLock) {
    events.onLead()
    return { post: () => {}, close: () => {} }
  }
  const channel = new BroadcastChannel(name)
  channel.onmessage = ({ data }: MessageEvent<TabMessage>) => events.onMessage(data)
  const release = lead(name, events.onLead)
  return {
    post: (message) => channel.postMessage(message),
    close: () => {
      release()
      channel.close()
    },
  }
}
