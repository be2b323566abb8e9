import type { OperationInput } from '@parley/protocol'
import type { ParticipantMethods } from './api.ts'
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
const tries = 3
const nothing: ParticipantList = { items: [], nextCursor: null, status: 'loading', error: null }

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
    if (list?.status === 'ready' && list.nextCursor !== null) await this.#fetch(conversationId, list.nextCursor)
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
      const list = change(state.participants[conversationId] ?? nothing)
      return { ...state, participants: withEntry(state.participants, conversationId, list) }
    })
  }

  async #fetch(conversationId: string, cursor: string | null): Promise<void> {
    const { store, sync, users } = this.#parts
    this.#put(conversationId, (list) => ({ ...list, status: 'loading', error: null }))
    try {
      const page = await this.#fetchSteady(conversationId, cursor)
      users.put(page.users)
      if (sync.have(conversationId) === undefined) await sync.load(conversationId)
      const known = store.getState().conversations[conversationId]?.participants ?? []
      this.#put(conversationId, (list) => {
        const before = cursor === null ? [] : list.items
        const current = page.items.map((one) => withLaterMarks(withLaterMarks(one, known), list.items))
        const items = current.reduce(putParticipant, before)
        return { items, nextCursor: page.nextCursor, status: 'ready', error: null }
      })
    } catch (thrown) {
      const error = toParleyError(thrown)
      if (!isSuperseded(error)) this.#put(conversationId, (list) => ({ ...list, status: 'error', error }))
      throw error
    }
  }

  /** A page does not state the position it was read at: it is read again when the conversation moved meanwhile. */
  async #fetchSteady(conversationId: string, cursor: string | null) {
    const { call, sync } = this.#parts
    const input = { conversationId, limit: pageSize, ...(cursor === null ? {} : { cursor }) }
    for (let left = tries; ; left -= 1) {
      const have = sync.have(conversationId)
      const page = await call('listParticipants', input)
      if (left <= 1 || sync.have(conversationId) === have) return page
    }
  }
}
