import type { Clock } from './clock.ts'

/** How many conversations are loaded one by one; more are cheaper to find by loading lists again. */
export const snapshotsAtMost = 20
const period = 1_000

/** What bringing conversations into view needs. */
export interface ArrivalParts {
  readonly clock: Clock
  /** Loads a conversation, in the background. */
  readonly load: (conversationId: string) => void
  /** Loads the first page of every loaded list again. */
  readonly reloadLists: () => Promise<unknown>
}

/**
 * Brings into view conversations that are not loaded and that events have moved: a few in a second by themselves, and when many move,
 * as when somebody's records are changed all at once, by loading the lists again, once in a second.
 */
export class Arrivals {
  readonly #parts: ArrivalParts
  #loaded = 0
  #more = false
  #cancel: (() => void) | null = null

  constructor(parts: ArrivalParts) {
    this.#parts = parts
  }

  /** A conversation that is not loaded may belong into a list now. */
  meet(conversationId: string): void {
    const { clock, load } = this.#parts
    this.#cancel ??= clock.after(period, () => this.#end())
    this.#loaded += 1
    if (this.#loaded > snapshotsAtMost) this.#more = true
    else load(conversationId)
  }

  /** Forgets what moved. */
  reset(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#loaded = 0
    this.#more = false
  }

  #end(): void {
    const more = this.#more
    this.reset()
    if (more) this.#parts.reloadLists().catch(() => {})
  }
}
