import type { Audience } from '@parley/protocol'
import type { DraftMethods } from './api.ts'
import { type Clock, within } from './clock.ts'
import type { OutboxStorage } from './outbox-storage.ts'
import { selectDraft } from './selectors.ts'
import type { Signals } from './signals.ts'
import { draftKey, type State, withEntry, withoutEntry } from './state.ts'
import type { WritableStore } from './store.ts'

/** What drafts are kept with. */
export interface DraftParts {
  readonly store: WritableStore<State>
  readonly clock: Clock
  readonly storage: OutboxStorage
  readonly signals: Signals
}

const storageLimit = 2_000

/** Texts not sent yet. */
export class Drafts implements DraftMethods {
  readonly #parts: DraftParts
  readonly #unsaved = new Set<string>()
  readonly #stopListening: () => void
  #owner: string | null = null
  /** Something is read or written: what is set meanwhile is written after it. */
  #busy = false

  constructor(parts: DraftParts) {
    this.#parts = parts
    this.#stopListening = parts.signals.onHide(() => void this.flush())
  }

  /** Takes over what a person left unsent. What was typed since the start wins. */
  async open(owner: string): Promise<void> {
    this.#owner = owner
    this.#busy = true
    const { clock, storage, store } = this.#parts
    const { drafts } = await within(clock, storageLimit, storage.load(owner), { pending: [], drafts: {} })
    if (this.#owner !== owner) return
    const kept = Object.fromEntries(Object.entries(drafts).filter(([key]) => !this.#unsaved.has(key)))
    store.update((state) => ({ ...state, drafts: { ...kept, ...state.drafts } }))
    this.#busy = false
    void this.#keepUp()
  }

  /** Keeps nothing any more, of anybody. */
  shut(): void {
    this.#unsaved.clear()
    this.#owner = null
    this.#busy = false
  }

  async close(): Promise<void> {
    this.#stopListening()
    await this.flush()
    this.shut()
  }

  get(conversationId: string, audience: Audience): string {
    return selectDraft(this.#parts.store.getState(), conversationId, audience)
  }

  set(conversationId: string, audience: Audience, text: string): void {
    this.#put(draftKey(conversationId, audience), text)
  }

  choose(conversationId: string, audience: Audience): void {
    this.#put(draftKey(conversationId, 'audience'), audience === 'everyone' ? '' : audience)
  }

  #put(key: string, text: string): void {
    this.#parts.store.update((state) => {
      const drafts = text === '' ? withoutEntry(state.drafts, key) : withEntry(state.drafts, key, text)
      return drafts === state.drafts ? state : { ...state, drafts }
    })
    this.#unsaved.add(key)
    if (!this.#busy) void this.#keepUp()
  }

  /** Keeps now what is not kept yet. */
  async flush(): Promise<void> {
    const owner = this.#owner
    if (owner === null) return
    const { clock, storage, store } = this.#parts
    const keys = [...this.#unsaved]
    this.#unsaved.clear()
    const written = keys.map((key) => storage.putDraft(owner, key, store.getState().drafts[key] ?? ''))
    await within(clock, storageLimit, Promise.allSettled(written), [])
  }

  /** Writes without a pause, for a page may go at any moment, and one after the other, for each key would be a write. */
  async #keepUp(): Promise<void> {
    const owner = this.#owner
    this.#busy = true
    while (this.#owner === owner && owner !== null && this.#unsaved.size > 0) await this.flush()
    if (this.#owner === owner) this.#busy = false
  }
}
