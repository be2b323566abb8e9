import type { DurableEvent, Message } from '@parley/protocol'

type Listener = (message: Message) => void

/** Tells of messages that come in: each once, in the order of its conversation, after the state has it. */
export class Incoming {
  readonly #listeners = new Set<Listener>()
  /** The position of the last message told of each conversation. */
  readonly #told = new Map<string, number>()

  /** @returns stops listening */
  listen(listener: Listener): () => void {
    const own = (message: Message) => listener(message)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** Takes in events in their order; one that was told already may come again. */
  hear(events: readonly DurableEvent[]): void {
    for (const event of events) {
      if (event.type !== 'new-message' || event.seq <= (this.#told.get(event.conversationId) ?? 0)) continue
      this.#told.set(event.conversationId, event.seq)
      const { message } = event.data
      if (message.deletedAt !== null) continue
      for (const listener of this.#listeners) queueMicrotask(() => listener(message))
    }
  }

  /** Forgets what was told. */
  reset(): void {
    this.#told.clear()
  }
}
