import { type Audience, type EphemeralOf, limits } from '@parley/protocol'
import type { TypingMethods } from './api.ts'
import { withoutTypist } from './apply.ts'
import type { Clock } from './clock.ts'
import { type State, type Typist, withEntry } from './state.ts'
import type { WritableStore } from './store.ts'

/** What typing needs. */
export interface TypingParts {
  readonly store: WritableStore<State>
  readonly clock: Clock
  /** Tells the others; what cannot be told is lost. */
  readonly tell: (name: 'start-typing' | 'stop-typing', input: Typing) => void
}

interface Typing {
  readonly conversationId: string
  readonly audience: Audience
}

interface Told extends Typing {
  readonly at: number
  readonly cancelStop: () => void
}

const grace = 1_000

/** Telling that one writes, and seeing that others do. */
export class TypingSignals implements TypingMethods {
  readonly #parts: TypingParts
  readonly #told = new Map<string, Told>()
  readonly #expiries = new Map<string, () => void>()

  constructor(parts: TypingParts) {
    this.#parts = parts
  }

  input(conversationId: string, audience: Audience): void {
    const { clock, tell } = this.#parts
    const before = this.#told.get(conversationId)
    if (before && before.audience !== audience) this.stop(conversationId)
    const told = this.#told.get(conversationId)
    told?.cancelStop()
    const due = !told || clock.steady() - told.at >= limits.typingInterval
    if (due) tell('start-typing', { conversationId, audience })
    this.#told.set(conversationId, {
      conversationId,
      audience,
      at: due ? clock.steady() : told.at,
      cancelStop: clock.after(limits.typingExpiry, () => this.stop(conversationId)),
    })
  }

  stop(conversationId: string): void {
    const told = this.#told.get(conversationId)
    if (!told) return
    told.cancelStop()
    this.#told.delete(conversationId)
    this.#parts.tell('stop-typing', { conversationId, audience: told.audience })
  }

  /** Somebody writes. Without another word of it, it ends by itself. */
  started({ conversationId, userId, audience }: EphemeralOf<'user-typing'>): void {
    const { store, clock } = this.#parts
    if (userId === store.getState().session.me?.user.id) return
    store.update((state) => {
      const typing = withTypist(state.typing[conversationId] ?? [], { userId, audience })
      return { ...state, typing: withEntry(state.typing, conversationId, typing) }
    })
    const key = JSON.stringify([conversationId, userId])
    this.#expiries.get(key)?.()
    this.#expiries.set(
      key,
      clock.after(limits.typingExpiry + grace, () => this.stopped({ conversationId, userId })),
    )
  }

  /** Somebody has stopped. */
  stopped({ conversationId, userId }: { readonly conversationId: string; readonly userId: string }): void {
    const key = JSON.stringify([conversationId, userId])
    this.#expiries.get(key)?.()
    this.#expiries.delete(key)
    this.#parts.store.update((state) => withoutTypist(state, conversationId, userId))
  }

  /** Forgets everything without telling anybody. */
  reset(): void {
    for (const { cancelStop } of this.#told.values()) cancelStop()
    for (const cancel of this.#expiries.values()) cancel()
    this.#told.clear()
    this.#expiries.clear()
    this.#parts.store.update((state) => (Object.keys(state.typing).length > 0 ? { ...state, typing: {} } : state))
  }
}

function withTypist(typing: readonly Typist[], one: Typist): readonly Typist[] {
  const known = typing.find(({ userId }) => userId === one.userId)
  if (known?.audience === one.audience) return typing
  return known ? typing.map((other) => (other === known ? one : other)) : [...typing, one]
}
