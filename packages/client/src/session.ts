import { type Me, type OperationInput, viewerOf } from '@parley/protocol'
import type { SessionMethods } from './api.ts'
import { type Clock, within } from './clock.ts'
import type { Connection } from './connection.ts'
import type { Drafts } from './drafts.ts'
import type { Call } from './http.ts'
import { toParleyError, unreachable } from './http-errors.ts'
import type { Outbox } from './outbox.ts'
import { initialState, type State, withEntry } from './state.ts'
import type { WritableStore } from './store.ts'

/** What a session is made of. */
export interface SessionParts {
  readonly store: WritableStore<State>
  readonly clock: Clock
  readonly serverUrl: string
  readonly ofHost: boolean
  readonly call: Call
  readonly connection: Connection
  readonly outbox: Outbox
  readonly drafts: Drafts
  /** Deletes what is kept on the device. */
  readonly erase: () => Promise<void>
  /** Forgets everything that belongs to the session, except the state. */
  readonly reset: () => void
  /** The same person is served another line or another database: what was loaded is loaded afresh. */
  readonly startOver: (epoch: string) => Promise<void>
}

/** How long leaving waits for the device, milliseconds. */
const storageLimit = 2_000

type Change = 'none' | 'person' | 'view'

/** What a new identity means for what is loaded. */
function changeBetween(before: Me | null, after: Me): Change {
  if (before === null) return 'none'
  if (before.workspace.id !== after.workspace.id || before.user.id !== after.user.id) return 'person'
  const sides = [before, after].map(({ user }) => user.role === 'external')
  return before.epoch !== after.epoch || sides[0] !== sides[1] ? 'view' : 'none'
}

/** Who is signed in: finds it out, and keeps or erases what belongs to them. */
export class SessionControl implements SessionMethods {
  readonly ofHost: boolean
  readonly #parts: SessionParts
  #verified = false
  /** Rises when somebody signs in or out: answers to what was asked before concern nobody any more. */
  #age = 0
  #entering: Promise<void> = Promise.resolve()
  #known = Promise.withResolvers<void>()

  constructor(parts: SessionParts) {
    this.ofHost = parts.ofHost
    this.#parts = parts
  }

  /** Connects. Resolves when it is known who is signed in, or that nobody is. */
  start(): Promise<void> {
    const { session, connection } = this.#parts.store.getState()
    if (connection.status === 'idle' && session.status !== 'unknown') this.#known = Promise.withResolvers()
    this.#parts.connection.start()
    return this.#known.promise
  }

  /**
   * Makes sure of who is signed in; asks the server only when it is not certain.
   * @throws ParleyError `unauthenticated`
   */
  async identify(): Promise<void> {
    if (this.#verified) return
    const age = this.#age
    await this.#enter(await this.#parts.call('getMe', {}), age)
  }

  /** As whom to ask the server: what is loaded, and what is unsent, belongs to them; null while nobody is known. */
  viewer(): string | null {
    const { me } = this.#parts.store.getState().session
    return me && viewerOf(me.workspace.id, me.user.id, me.user.role)
  }

  async signIn(input: OperationInput<'signIn'>): Promise<Me> {
    return this.#begin((await this.#parts.call('signIn', input)).me)
  }

  async signInWithLink(token: string): Promise<Me> {
    return this.#begin((await this.#parts.call('signInWithLink', { token })).me)
  }

  async signOut(): Promise<void> {
    const [, ended] = await Promise.allSettled([this.forget(), this.#parts.call('signOut', {})])
    if (ended.status === 'fulfilled') return
    const error = toParleyError(ended.reason)
    if (error.code === 'unauthenticated') return
    const { store } = this.#parts
    store.update((state) =>
      state.session.status === 'signed-out' ? { ...state, session: { ...state.session, unended: error } } : state,
    )
    throw error
  }

  /** Tells requests apart that are made in different sessions. */
  get age(): number {
    return this.#age
  }

  /** The session may have ended: the next connection asks. */
  doubt(): void {
    this.#verified = false
  }

  /**
   * The session has ended by itself: what is loaded stays readable, what is unsent waits.
   * @param age of the session it was heard in: one that has begun since does not end by it
   */
  expire(age = this.#age): void {
    if (age !== this.#age) return
    const { store, connection, outbox } = this.#parts
    this.#verified = false
    connection.stop()
    outbox.pause()
    store.update((state) => {
      const { me } = state.session
      return { ...state, session: { status: me ? 'expired' : 'signed-out', me } }
    })
    this.#known.resolve()
  }

  /** Erases everything that belongs to the session, here and on the device. */
  async forget(): Promise<void> {
    const { store, clock, connection, outbox, drafts, reset, erase } = this.#parts
    this.#age += 1
    this.#verified = false
    connection.stop()
    outbox.shut()
    drafts.shut()
    reset()
    store.update(({ connection }) => ({ ...initialState, connection, session: { status: 'signed-out', me: null } }))
    this.#known.resolve()
    await within(clock, storageLimit, erase(), undefined)
  }

  /** Lets nobody wait for an answer that will not come. */
  close(): void {
    this.#known.resolve()
  }

  async #begin(me: Me): Promise<Me> {
    const { connection } = this.#parts
    connection.stop()
    this.#age += 1
    await this.#enter(me, this.#age)
    connection.start()
    return me
  }

  /** One after the other: each opens what the device keeps. */
  #enter(me: Me, age: number): Promise<void> {
    const entering = this.#entering.then(() => this.#enterNow(me, age))
    this.#entering = entering.catch(() => {})
    return entering
  }

  #requireSame(age: number): void {
    if (age !== this.#age) throw unreachable('superseded')
  }

  async #enterNow(me: Me, age: number): Promise<void> {
    this.#requireSame(age)
    const { store, serverUrl, outbox, drafts, reset, startOver } = this.#parts
    const change = changeBetween(store.getState().session.me, me)
    if (change === 'person') {
      outbox.shut()
      drafts.shut()
      reset()
      store.update(({ connection }) => ({ ...initialState, connection }))
    }
    const owner = JSON.stringify([serverUrl, me.workspace.id, me.user.id])
    await drafts.open(owner)
    this.#requireSame(age)
    store.update((state) => ({
      ...state,
      session: { status: 'signed-in', me },
      users: withEntry(state.users, me.user.id, me.user),
    }))
    await outbox.open(owner)
    this.#requireSame(age)
    this.#verified = true
    this.#known.resolve()
    if (change === 'view') await startOver(me.epoch).catch(() => {})
  }
}
