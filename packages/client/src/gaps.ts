/** How far a conversation is known to go, and what is done to get there. */
export interface Gap {
  /** The furthest position known to exist. */
  wanted: number
  /** Whether it was heard of since the server was asked last: the answer may have been read before. */
  isNews: boolean
  failures: number
  fetching: Promise<void> | null
  cancelRetry: () => void
}

function nothingMissing(): Gap {
  return { wanted: 0, isNews: false, failures: 0, fetching: null, cancelRetry: () => {} }
}

/** What is known to be missing of conversations, loaded or not. */
export class Gaps {
  readonly #gaps = new Map<string, Gap>()

  get(conversationId: string): Gap | undefined {
    return this.#gaps.get(conversationId)
  }

  /** The position a conversation has to reach; 0 when nothing is missing. */
  wanted(conversationId: string): number {
    return this.get(conversationId)?.wanted ?? 0
  }

  /** Whatever is loaded of a conversation from now on has to reach a position. */
  expect(conversationId: string, seq: number): Gap {
    const gap = this.get(conversationId) ?? nothingMissing()
    gap.wanted = Math.max(gap.wanted, seq)
    gap.isNews = true
    this.#gaps.set(conversationId, gap)
    return gap
  }

  /** Nothing is missing of a conversation any more. */
  forget(conversationId: string): void {
    this.#gaps.get(conversationId)?.cancelRetry()
    this.#gaps.delete(conversationId)
  }

  /** {@link forget}, of all conversations. */
  reset(): void {
    for (const id of [...this.#gaps.keys()]) this.forget(id)
  }
}
