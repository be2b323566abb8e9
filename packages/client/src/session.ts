import { type Me, type OperationInput, viewerOf } from '@parley/protocol'
import type { SessionMethods } from './api.ts'
import type { Connection } from './connection.ts'
import type { Drafts } from './drafts.ts'
import type { Call } from './http.ts'
import { toParleyError } from './http-errors.ts'
import type { Outbox } from './outbox.ts'
import { initialState, type State, withEntry } from './state.ts'
import type { WritableStore } from './store.ts'

/** What a session is made of. */
export interface SessionParts {
  readonly store: WritableStore<State>
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
    if (!this.#verified) await this.#enter(await this.#parts.call('getMe', {}))
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
    await this.forget()
    try {
      await this.#parts.call('signOut', {})
    } catch (thrown) {
      const error = toParleyError(thrown)
      if (error.code !== 'unauthenticated') throw error
    }
  }

  /** The session may have ended: the next connection asks. */
  doubt(): void {
    this.#verified = false
  }

  /** The session has ended by itself: what is loaded stays readable, what is unsent waits. */
  expire(): void {
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
    const { store, connection, outbox, drafts, reset, erase } = this.#parts
    this.#verified = false
    connection.stop()
    outbox.shut()
    drafts.shut()
    reset()
    store.update(({ connection }) => ({ ...initialState, connection, session: { status: 'signed-out', me: null } }))
    this.#known.resolve()
    await erase()
  }

  /** Lets nobody wait for an answer that will not come. */
  close(): void {
    this.#known.resolve()
  }

  async #begin(me: Me): Promise<Me> {
    const { connection } = this.#parts
    connection.stop()
    await this.#enter(me)
    connection.start()
    return me
  }

  async #enter(me: Me): Promise<void> {
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
    store.update((state) => ({
      ...state,
      session: { status: 'signed-in', me },
      users: withEntry(state.users, me.user.id, me.user),
    }))
    await outbox.open(owner)
    this.#verified = true
    if (change === 'view') await startOver(me.epoch)
    this.#known.resolve()
  }
}
