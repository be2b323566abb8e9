import type { ConversationSnapshot, OperationInput, OperationOutput } from '@parley/protocol'
import type { ConversationMethods } from './api.ts'
import type { Call } from './http.ts'
import { isSuperseded, toParleyError } from './http-errors.ts'
import { isSearch, withFirstPage, withNextPage } from './lists.ts'
import { listKey } from './selectors.ts'
import { type ConversationList, type ListFilter, type State, withEntry, withoutEntry } from './state.ts'
import type { WritableStore } from './store.ts'
import type { Sync } from './sync.ts'
import type { Users } from './users.ts'

/** What conversations are loaded and changed with. */
export interface ConversationParts {
  readonly store: WritableStore<State>
  readonly call: Call
  readonly sync: Sync
  readonly users: Users
  readonly newKey: () => string
  /** Makes a conversation's newest messages present. */
  readonly openMessages: (conversationId: string) => Promise<void>
  /** Conversations came from the server, as they are now. */
  readonly onLoaded: (snapshots: readonly ConversationSnapshot[]) => void
  /** A change was made that its event must show soon. */
  readonly onChanged: (conversationId: string) => void
}

type Page = OperationOutput<'listConversations'>

const searchesKept = 5

/** Lists without the search results that have been there longest. */
function withoutOldSearches(lists: State['lists'], except: string): State['lists'] {
  const searches = Object.keys(lists).filter((key) => key !== except && isSearch(lists[key]?.filter ?? {}))
  return searches.slice(0, -searchesKept + 1).reduce(withoutEntry, lists)
}

function emptyList(filter: ListFilter): ConversationList {
  return { filter, ids: [], nextCursor: null, status: 'loading', error: null }
}

/** Conversations and lists of them. */
export class Conversations implements ConversationMethods {
  readonly #parts: ConversationParts

  constructor(parts: ConversationParts) {
    this.#parts = parts
  }

  async load(filter: ListFilter): Promise<void> {
    await this.#load(filter)
  }

  /** @returns ids of the conversations that the server gave */
  async #load(filter: ListFilter): Promise<readonly string[]> {
    const { store } = this.#parts
    if (isSearch(filter))
      store.update((state) => ({ ...state, lists: withoutOldSearches(state.lists, listKey(filter)) }))
    this.#put(filter, (list) => ({ ...list, status: 'loading', error: null }))
    const before = store.getState().conversations
    const listed = new Set(this.#listOf(filter).ids)
    const page = await this.#fetch(filter, null)
    const unmoved = (id: string) => {
      return listed.has(id) && before[id]?.activityAt === store.getState().conversations[id]?.activityAt
    }
    const { conversations } = store.getState()
    const given = toListPage(page)
    this.#put(filter, (list) => withFirstPage(list, given, conversations, unmoved))
    return given.ids
  }

  async loadMore(filter: ListFilter): Promise<void> {
    const list = this.#listOf(filter)
    if (list.status === 'loading' || list.nextCursor === null) return
    this.#put(filter, (before) => ({ ...before, status: 'loading', error: null }))
    const page = await this.#fetch(filter, list.nextCursor)
    const { conversations } = this.#parts.store.getState()
    this.#put(filter, (before) => withNextPage(before, toListPage(page), conversations))
  }

  async open(conversationId: string): Promise<void> {
    await this.#parts.openMessages(conversationId)
  }

  async create(input: OperationInput<'createConversation'>): Promise<string> {
    const { call, sync, users, newKey } = this.#parts
    const { conversation, users: people } = await call('createConversation', { clientKey: newKey(), ...input })
    users.put(people)
    sync.accept(conversation)
    return conversation.conversation.id
  }

  async update(
    conversationId: string,
    patch: Omit<OperationInput<'updateConversation'>, 'conversationId'>,
  ): Promise<void> {
    await this.#parts.call('updateConversation', { conversationId, ...patch })
    this.#parts.onChanged(conversationId)
  }

  /** Loads the first page of every list again. */
  async reload(): Promise<void> {
    await this.#reload(() => true)
  }

  /**
   * Loads the first page of every list again, except for search results, which stay as they are.
   * @returns ids of the conversations that came
   */
  async refresh(): Promise<ReadonlySet<string>> {
    return this.#reload((filter) => !isSearch(filter))
  }

  async #reload(which: (filter: ListFilter) => boolean): Promise<ReadonlySet<string>> {
    const filters = Object.values(this.#parts.store.getState().lists).map(({ filter }) => filter)
    const pages = await Promise.all(filters.filter(which).map((filter) => this.#load(filter)))
    return new Set(pages.flat())
  }

  #listOf(filter: ListFilter): ConversationList {
    return this.#parts.store.getState().lists[listKey(filter)] ?? emptyList(filter)
  }

  #put(filter: ListFilter, change: (list: ConversationList) => ConversationList): void {
    this.#parts.store.update((state) => {
      const key = listKey(filter)
      return { ...state, lists: withEntry(state.lists, key, change(state.lists[key] ?? emptyList(filter))) }
    })
  }

  async #fetch(filter: ListFilter, cursor: string | null): Promise<Page> {
    const { call, sync, users, onLoaded } = this.#parts
    try {
      const page = await call('listConversations', { ...filter, ...(cursor === null ? {} : { cursor }) })
      users.put(page.users)
      for (const snapshot of page.items) sync.accept(snapshot)
      onLoaded(page.items)
      return page
    } catch (thrown) {
      const error = toParleyError(thrown)
      if (!isSuperseded(error)) this.#put(filter, (list) => ({ ...list, status: 'error', error }))
      throw error
    }
  }
}

function toListPage({ items, nextCursor }: Page) {
  return { ids: items.map(({ conversation }) => conversation.id), nextCursor }
}
