import type { EphemeralOf } from '@parley/protocol'
import type { PresenceMethods } from './api.ts'
import { type Presence, type State, withEntry } from './state.ts'
import type { WritableStore } from './store.ts'

/** What presence needs. */
export interface PresenceParts {
  readonly store: WritableStore<State>
  /** Tells the others; what cannot be told is lost. */
  readonly tell: (name: 'set-presence', input: { readonly state: 'online' | 'away' }) => void
}

/** Telling whether one is at the screen, and seeing who else is. */
export class PresenceSignals implements PresenceMethods {
  readonly #parts: PresenceParts
  #own: 'online' | 'away' = 'online'

  constructor(parts: PresenceParts) {
    this.#parts = parts
  }

  set(state: 'online' | 'away'): void {
    if (state === this.#own) return
    this.#own = state
    this.#parts.tell('set-presence', { state })
  }

  /** A new connection counts as being here: says so when it is not so. */
  repeat(): void {
    if (this.#own === 'away') this.#parts.tell('set-presence', { state: 'away' })
  }

  joined({ userId, presence }: EphemeralOf<'user-joined'>): void {
    this.#put(userId, { state: presence, lastSeenAt: null })
  }

  left({ userId, lastSeenAt }: EphemeralOf<'user-left'>): void {
    this.#put(userId, { state: 'offline', lastSeenAt })
  }

  #put(userId: string, presence: Presence): void {
    this.#parts.store.update((state) => ({ ...state, presence: withEntry(state.presence, userId, presence) }))
  }
}
