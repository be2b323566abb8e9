import type { OperationInput } from '@parley/protocol'
import type { ParticipantMethods } from './api.ts'
import { emptyPeople, foldPeople } from './apply.ts'
import type { Call } from './http.ts'
import { isSuperseded, toParleyError } from './http-errors.ts'
import { putParticipant, withLaterMarks } from './snapshot.ts'
import { type ParticipantList, type State, withEntry } from './state.ts'
import type { WritableStore } from './store.ts'
import type { Sync } from './sync.ts'
import type { Users } from './users.ts'

/** What participants are loaded and changed with. */
export interface ParticipantParts {
  readonly store: WritableStore<State>
  readonly call: Call
  readonly sync: Sync
  readonly users: Users
  /** A change was made that its event must show soon. */
  readonly onChanged: (conversationId: string) => void
}

type Input<Name extends 'addParticipant' | 'updateParticipant'> = Omit<OperationInput<Name>, 'conversationId'>

const pageSize = 200

/** The people in a conversation. */
export class Participants implements ParticipantMethods {
  readonly #parts: ParticipantParts

  constructor(parts: ParticipantParts) {
    this.#parts = parts
  }

  load(conversationId: string): Promise<void> {
    return this.#fetch(conversationId, null)
  }

  async loadMore(conversationId: string): Promise<void> {
    const list = this.#parts.store.getState().participants[conversationId]
    if (list && list.status !== 'loading' && list.nextCursor !== null)
      await this.#fetch(conversationId, list.nextCursor)
  }

  async add(conversationId: string, input: Input<'addParticipant'>): Promise<void> {
    await this.#parts.call('addParticipant', { conversationId, ...input })
    this.#parts.onChanged(conversationId)
  }

  async update(conversationId: string, input: Input<'updateParticipant'>): Promise<void> {
    await this.#parts.call('updateParticipant', { conversationId, ...input })
    this.#parts.onChanged(conversationId)
  }

  async remove(conversationId: string, userId: string): Promise<void> {
    const { call, store, sync, onChanged } = this.#parts
    await call('removeParticipant', { conversationId, userId })
    if (userId === store.getState().session.me?.user.id) sync.drop(conversationId)
    else onChanged(conversationId)
  }

  #put(conversationId: string, change: (list: ParticipantList) => ParticipantList): void {
    this.#parts.store.update((state) => {
      const list = change(state.participants[conversationId] ?? emptyPeople)
      return { ...state, participants: withEntry(state.participants, conversationId, list) }
    })
  }

  async #fetch(conversationId: string, cursor: string | null): Promise<void> {
    this.#put(conversationId, (list) => ({ ...list, status: 'loading', error: null }))
    try {
      await this.#takePage(conversationId, cursor)
    } catch (thrown) {
      const error = toParleyError(thrown)
      if (!isSuperseded(error)) this.#put(conversationId, (list) => ({ ...list, status: 'error', error }))
      throw error
    }
  }

  async #takePage(conversationId: string, cursor: string | null): Promise<void> {
    const { call, store, sync, users } = this.#parts
    const input = { conversationId, limit: pageSize, ...(cursor === null ? {} : { cursor }) }
    const ask = () => call('listParticipants', input)
    await sync.read(conversationId, ask, ({ items, nextCursor, ...page }, events) => {
      users.put(page.users)
      const known = store.getState().conversations[conversationId]?.participants ?? []
      const people = events.reduce(foldPeople, { items, nextCursor, status: 'ready', error: null })
      this.#put(conversationId, (list) => {
        const current = people.items.map((one) => withLaterMarks(withLaterMarks(one, known), list.items))
        return { ...people, items: current.reduce(putParticipant, cursor === null ? [] : list.items) }
      })
    })
  }
}
