import type { EphemeralOf } from '@parley/protocol'
import type { ReadMethods } from './api.ts'
import { applyMark, canCountUnread, unreadAt } from './apply.ts'
import { backoff } from './backoff.ts'
import type { Clock, Random } from './clock.ts'
import { forEachOf } from './concurrent.ts'
import type { Call } from './http.ts'
import { toParleyError } from './http-errors.ts'
import { type Mark, readSeqOf } from './snapshot.ts'
import type { State } from './state.ts'
import type { WritableStore } from './store.ts'

/** What marks need. */
export interface ReadParts {
  readonly store: WritableStore<State>
  readonly call: Call
  readonly clock: Clock
  readonly random: Random
  /** How much is unread can only be told by the server. */
  readonly onUnsure: (conversationId: string) => void
}

type Operation = 'markRead' | 'markDelivered'

const interval = 1_000
const atOnce = 2
const earlyMarksKept = 200

/** Marks of one kind on their way to the server: the furthest of each conversation, at most once a second. */
class Marks {
  readonly #parts: ReadParts
  readonly #operation: Operation
  readonly #onTold: (conversationId: string) => void
  readonly #waiting = new Map<string, number>()
  /** Rises when what is waiting or on its way is given up: it belongs to somebody who has left. */
  #run = 0
  #failures = 0
  #flushing = false
  /** Nobody is signed in: the server is not asked until there is a connection again. */
  #paused = false
  #cancel: (() => void) | null = null
  #last = -Infinity

  constructor(parts: ReadParts, operation: Operation, onTold: (conversationId: string) => void) {
    this.#parts = parts
    this.#operation = operation
    this.#onTold = onTold
  }

  put(conversationId: string, seq: number): void {
    this.#waiting.set(conversationId, Math.max(seq, this.#waiting.get(conversationId) ?? 0))
    const { clock } = this.#parts
    this.#schedule(Math.max(0, this.#last + interval - clock.steady()))
  }

  /** Forgets what is waiting and on its way. */
  reset(): void {
    this.#run += 1
    this.#cancel?.()
    this.#cancel = null
    this.#waiting.clear()
  }

  /** Somebody is connected. */
  resume(): void {
    this.#paused = false
    this.#schedule(0)
  }

  #schedule(wait: number): void {
    if (this.#flushing || this.#paused || this.#waiting.size === 0) return
    this.#cancel ??= this.#parts.clock.after(Math.min(wait, 20_000), () => void this.#flush())
  }

  async #flush(): Promise<void> {
    this.#cancel = null
    this.#flushing = true
    this.#last = this.#parts.clock.steady()
    const batch = [...this.#waiting]
    this.#waiting.clear()
    const [before, run] = [this.#failures, this.#run]
    await forEachOf(batch, atOnce, ([id, seq]) => this.#tell(id, seq, run))
    this.#flushing = false
    const failed = this.#failures > before
    if (!failed) this.#failures = 0
    this.#schedule(failed ? backoff(this.#failures, this.#parts.random) : interval)
  }

  async #tell(conversationId: string, seq: number, run: number): Promise<void> {
    if (run !== this.#run) return
    try {
      await this.#parts.call(this.#operation, { conversationId, seq })
      if (run === this.#run) this.#onTold(conversationId)
    } catch (error) {
      const { retry } = toParleyError(error)
      if (retry === 'never' || run !== this.#run) return
      this.#paused ||= retry === 'reconnect'
      this.#failures += 1
      this.#waiting.set(conversationId, Math.max(seq, this.#waiting.get(conversationId) ?? 0))
    }
  }
}

/** A mark that was heard of before its conversation was here. */
interface EarlyMark {
  readonly payload: EphemeralOf<'message-read'>
  readonly mark: Mark
}

/** Read and delivered marks. */
export class Reads implements ReadMethods {
  readonly #parts: ReadParts
  readonly #read: Marks
  readonly #delivered: Marks
  /** Conversations of which only the server will know what is unread, once it has been told the mark. */
  readonly #unsure = new Set<string>()
  /** Marks of conversations that are not here: a snapshot on its way may be older than they are. */
  #early: readonly EarlyMark[] = []

  constructor(parts: ReadParts) {
    this.#parts = parts
    this.#read = new Marks(parts, 'markRead', (conversationId) => {
      const unsure = this.#unsure.delete(conversationId) || !canCountUnread(parts.store.getState(), conversationId)
      if (unsure) parts.onUnsure(conversationId)
    })
    this.#delivered = new Marks(parts, 'markDelivered', () => {})
  }

  markRead(conversationId: string, seq: number): void {
    const snapshot = this.#parts.store.getState().conversations[conversationId]
    const own = this.#ownId()
    const reached = Math.min(seq, snapshot?.seq ?? 0)
    if (!snapshot || reached <= readSeqOf(snapshot, own)) return
    if (!this.#move(conversationId, own, reached, 'readSeq')) this.#unsure.add(conversationId)
    this.#read.put(conversationId, reached)
  }

  /** Says that messages up to a position have reached this device. */
  markDelivered(conversationId: string, seq: number): void {
    const snapshot = this.#parts.store.getState().conversations[conversationId]
    const own = snapshot?.participants.find(({ userId }) => userId === this.#ownId())
    if (!own || own.deliveredSeq >= seq) return
    this.#move(conversationId, own.userId, seq, 'deliveredSeq')
    this.#delivered.put(conversationId, seq)
  }

  /** Somebody's mark has moved: one's own on another device, or another one's. */
  moved(payload: EphemeralOf<'message-read'>, mark: Mark): void {
    const { conversationId, userId, seq } = payload
    const here = this.#parts.store.getState().conversations[conversationId] !== undefined
    if (!here) this.#early = [...this.#early, { payload, mark }].slice(-earlyMarksKept)
    else if (!this.#move(conversationId, userId, seq, mark)) this.#parts.onUnsure(conversationId)
  }

  /** A conversation is here: marks that were heard of earlier move now. */
  entered(conversationId: string): void {
    const early = this.#early
    this.#early = early.filter(({ payload }) => payload.conversationId !== conversationId)
    for (const { payload, mark } of early) if (payload.conversationId === conversationId) this.moved(payload, mark)
  }

  /** Somebody is connected: what was kept back goes on. */
  resume(): void {
    this.#read.resume()
    this.#delivered.resume()
  }

  /** Forgets what is waiting. */
  reset(): void {
    this.#read.reset()
    this.#delivered.reset()
    this.#unsure.clear()
    this.#early = []
  }

  #ownId(): string {
    return this.#parts.store.getState().session.me?.user.id ?? ''
  }

  /** Moves a mark in the state. Answers whether what is unread is known then. */
  #move(conversationId: string, userId: string, seq: number, mark: Mark): boolean {
    const { store } = this.#parts
    const state = store.getState()
    const snapshot = state.conversations[conversationId]
    if (!snapshot) return true
    const reads = mark === 'readSeq' && userId === this.#ownId() && seq > readSeqOf(snapshot, userId)
    const known = !reads || unreadAt(state, snapshot, seq) !== null
    store.update((before) => applyMark(before, conversationId, userId, seq, mark))
    return known
  }
}
