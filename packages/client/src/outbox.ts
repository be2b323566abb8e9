import type { Message, ParleyError } from '@parley/protocol'
import { isLoaded, storeSent, withoutPending } from './apply.ts'
import { backoff } from './backoff.ts'
import { type Clock, type Random, toInstant, within } from './clock.ts'
import { retryAfter, toParleyError } from './http-errors.ts'
import type { OutboxStorage } from './outbox-storage.ts'
import { type Pending, type State, withEntry } from './state.ts'
import type { WritableStore } from './store.ts'
import { joinTabs, type TabMessage, type Tabs } from './tabs.ts'

/** What an outbox is made of. */
export interface OutboxParts {
  readonly store: WritableStore<State>
  readonly clock: Clock
  readonly random: Random
  readonly storage: OutboxStorage
  /**
   * Sends a message once.
   * @throws ParleyError; whether it is sent again depends on its `retry`
   */
  readonly transport: (pending: Pending) => Promise<Message>
  /** A message was stored by the server, which may be further than the events that have come. */
  readonly onStored: (message: Message) => void
}

/** Sending of one conversation's messages, one by one. */
interface Lane {
  sending: boolean
  failures: number
  cancelRetry: (() => void) | null
}

const stale = 12 * 60 * 60 * 1000
const storageLimit = 2_000
/** How long a client that is online lets another one send what it has, ms: that one may be asleep, or have no valid token. */
const leadPatience = 5_000

/** State with a pending message put at its place, in the order of keys. One that turns out to be stored is none. */
function putPending(state: State, pending: Pending): State {
  if (isLoaded(state, pending)) return state
  const { conversationId, clientKey } = pending
  const rest = (state.outbox[conversationId] ?? []).filter((one) => one.clientKey !== clientKey)
  const line = [...rest, pending].sort((a, b) => (a.clientKey < b.clientKey ? -1 : 1))
  return { ...state, outbox: withEntry(state.outbox, conversationId, line) }
}

/**
 * Messages on their way. `state.outbox` is the truth; what changes there is kept on the device and told to other tabs.
 * Each conversation's messages are sent one by one, each under its key until its outcome is known (delivery, Client outbox).
 */
export class Outbox {
  readonly #parts: OutboxParts
  readonly #lanes = new Map<string, Lane>()
  /** What is on the device, as far as this client knows. */
  readonly #kept = new Map<string, Pending>()
  #saving: Promise<unknown> = Promise.resolve()
  #owner: string | null = null
  #tabs: Tabs | null = null
  #leading = false
  #cancelTakeover: (() => void) | null = null
  /** Keys of messages that this client sees to: those that were written here, or found on the device. */
  readonly #own = new Set<string>()
  /** Keys of messages that were taken out here: what another client still tells of them came too late. */
  readonly #discarded = new Set<string>()
  readonly #unsubscribe: () => void

  constructor(parts: OutboxParts) {
    this.#parts = parts
    this.#unsubscribe = parts.store.subscribe(() => this.#save())
  }

  /** Takes over what a person left unsent, and sends it. */
  async open(owner: string): Promise<void> {
    if (this.#owner === owner && this.#tabs) return this.kick()
    this.shut()
    this.#owner = owner
    const { sharedAs } = this.#parts.storage
    this.#tabs = joinTabs(sharedAs === null ? null : `${sharedAs}:outbox:${owner}`, {
      onLead: () => void this.#lead(owner),
      onLost: () => {
        this.#leading = false
        this.#waitForLead()
      },
      onMessage: (message) => this.#hear(message),
    })
    await this.#restore(owner)
    this.#save()
    this.kick()
    this.#waitForLead()
  }

  /** Sends nothing until it is opened again; what is written is still kept for the same person. */
  pause(): void {
    this.#tabs?.close()
    this.#tabs = null
    this.#leading = false
    this.#cancelTakeover?.()
    this.#cancelTakeover = null
    for (const lane of this.#lanes.values()) lane.cancelRetry?.()
    this.#lanes.clear()
  }

  /** Sends and keeps nothing any more; what is unsent stays on the device. */
  shut(): void {
    this.pause()
    this.#owner = null
    this.#kept.clear()
    this.#discarded.clear()
    this.#own.clear()
  }

  /** {@link shut}, once everything is kept. */
  async close(): Promise<void> {
    this.#unsubscribe()
    this.#save()
    await this.#saved()
    this.shut()
  }

  /** Puts a message into the outbox. */
  add(pending: Pending): void {
    this.#own.add(pending.clientKey)
    this.#parts.store.update((state) => putPending(state, pending))
    this.#save()
    void this.#pump(pending.conversationId)
    this.#waitForLead()
  }

  /** Sends a failed message again, under its key. */
  retry(conversationId: string, clientKey: string): void {
    const failed = this.#find(conversationId, clientKey)
    if (failed?.status !== 'failed') return
    this.add({ ...failed, createdAt: toInstant(this.#parts.clock.now()), status: 'queued', error: null })
  }

  /** Takes a message out. */
  discard(conversationId: string, clientKey: string): void {
    this.#discarded.add(clientKey)
    this.#parts.store.update((state) => withoutPending(state, conversationId, new Set([clientKey])))
  }

  /** Tries again what waits for its next try. */
  kick(): void {
    for (const conversationId of Object.keys(this.#parts.store.getState().outbox)) {
      const lane = this.#laneOf(conversationId)
      lane.cancelRetry?.()
      lane.cancelRetry = null
      void this.#pump(conversationId)
    }
  }

  #find(conversationId: string, clientKey: string): Pending | undefined {
    return this.#parts.store.getState().outbox[conversationId]?.find((one) => one.clientKey === clientKey)
  }

  #laneOf(conversationId: string): Lane {
    const lane = this.#lanes.get(conversationId) ?? { sending: false, failures: 0, cancelRetry: null }
    this.#lanes.set(conversationId, lane)
    return lane
  }

  async #lead(owner: string): Promise<void> {
    await this.#restore(owner)
    if (this.#owner !== owner) return
    this.#leading = true
    this.kick()
  }

  /** Takes the lead after a while in which nobody who has it has sent what waits, as soon as this client is online. */
  #waitForLead(): void {
    if (this.#leading || this.#cancelTakeover || !this.#tabs || !this.#isWaiting(0)) return
    this.#cancelTakeover = this.#parts.clock.after(leadPatience, () => {
      this.#cancelTakeover = null
      const online = this.#parts.store.getState().connection.status === 'online'
      if (!this.#leading && online && this.#isWaiting(leadPatience)) this.#tabs?.takeLead()
      this.#waitForLead()
    })
  }

  /** Whether anything that this client sees to has waited for so long, milliseconds. */
  #isWaiting(time: number): boolean {
    const { store, clock } = this.#parts
    const latest = clock.now() - time
    const isDue = ({ clientKey, status, createdAt }: Pending) =>
      this.#own.has(clientKey) && status !== 'failed' && Date.parse(createdAt) <= latest
    return Object.values(store.getState().outbox).some((line) => line.some(isDue))
  }

  async #restore(owner: string): Promise<void> {
    const { storage, store, clock } = this.#parts
    const { pending } = await within(clock, storageLimit, storage.load(owner), { pending: [], drafts: {} })
    if (this.#owner !== owner) return
    for (const one of pending) {
      if (this.#kept.has(one.clientKey) || this.#discarded.has(one.clientKey)) continue
      this.#kept.set(one.clientKey, one)
      this.#own.add(one.clientKey)
      store.update((state) => putPending(state, one.status === 'sending' ? { ...one, status: 'queued' } : one))
    }
  }

  #hear(message: TabMessage): void {
    const { store } = this.#parts
    switch (message.type) {
      case 'stored':
        store.update((state) => storeSent(state, message.message))
        return
      case 'removed':
        this.#discarded.add(message.clientKey)
        this.#kept.delete(message.clientKey)
        store.update((state) => withoutPending(state, message.conversationId, new Set([message.clientKey])))
        return
      case 'put':
        if (this.#discarded.has(message.pending.clientKey)) return
        this.#kept.set(message.pending.clientKey, message.pending)
        store.update((state) => putPending(state, message.pending))
        void this.#pump(message.pending.conversationId)
    }
  }

  /** Brings device and other tabs up to the state. */
  #save(): void {
    const owner = this.#owner
    if (owner === null) return
    const { storage, store } = this.#parts
    const present = new Map(
      Object.values(store.getState().outbox).flatMap((line) => line.map((one) => [one.clientKey, one])),
    )
    for (const [clientKey, { conversationId }] of this.#kept) {
      if (present.has(clientKey)) continue
      this.#kept.delete(clientKey)
      this.#track(storage.deletePending(owner, clientKey))
      this.#tabs?.post({ type: 'removed', conversationId, clientKey })
    }
    for (const [clientKey, pending] of present) {
      if (this.#kept.get(clientKey) === pending) continue
      this.#kept.set(clientKey, pending)
      this.#track(storage.putPending(owner, pending))
      this.#tabs?.post({ type: 'put', pending })
    }
  }

  #track(saving: Promise<void>): void {
    this.#saving = Promise.allSettled([this.#saving, saving])
  }

  /** Waits until the device has kept everything, but not forever: a broken storage must not stop sending. */
  async #saved(): Promise<void> {
    await within(this.#parts.clock, storageLimit, this.#saving, undefined)
  }

  async #pump(conversationId: string): Promise<void> {
    const lane = this.#laneOf(conversationId)
    if (!this.#leading || lane.sending || lane.cancelRetry) return
    const next = this.#next(conversationId)
    if (!next) return
    lane.sending = true
    await this.#send(next, lane)
    lane.sending = false
    if (this.#lanes.get(conversationId) === lane) void this.#pump(conversationId)
  }

  /** The next message to send. What lay here for long is not sent unasked. */
  #next(conversationId: string): Pending | undefined {
    const now = this.#parts.clock.now()
    const line = this.#parts.store.getState().outbox[conversationId] ?? []
    for (const one of line) {
      if (one.status === 'failed') continue
      if (now - Date.parse(one.createdAt) <= stale) return one
      this.#update(one, { status: 'failed', error: null })
    }
    return undefined
  }

  async #send(pending: Pending, lane: Lane): Promise<void> {
    const { store, transport, onStored } = this.#parts
    this.#update(pending, { status: 'sending', error: null })
    this.#save()
    await this.#saved()
    if (!this.#mayGo(pending, lane)) return
    try {
      const message = await transport(pending)
      lane.failures = 0
      store.update((state) => storeSent(state, message))
      this.#tabs?.post({ type: 'stored', message })
      onStored(message)
    } catch (thrown) {
      this.#fail(pending, lane, toParleyError(thrown))
    }
  }

  /** Whether a message is still wanted, and its sender still here: it may have waited for the device. */
  #mayGo({ conversationId, clientKey }: Pending, lane: Lane): boolean {
    return (
      this.#leading && this.#lanes.get(conversationId) === lane && this.#find(conversationId, clientKey) !== undefined
    )
  }

  #fail(pending: Pending, lane: Lane, error: ParleyError): void {
    if (error.retry === 'never') {
      this.#update(pending, { status: 'failed', error: error.code })
      return
    }
    this.#update(pending, { status: 'queued', error: null })
    const { clock, random } = this.#parts
    const wait = Math.max(backoff(lane.failures, random), retryAfter(error))
    lane.failures += 1
    lane.cancelRetry = clock.after(wait, () => {
      lane.cancelRetry = null
      void this.#pump(pending.conversationId)
    })
  }

  /** Changes a pending message, unless it has left meanwhile. */
  #update({ conversationId, clientKey }: Pending, change: Pick<Pending, 'status' | 'error'>): void {
    const present = this.#find(conversationId, clientKey)
    if (present) this.#parts.store.update((state) => putPending(state, { ...present, ...change }))
  }
}
