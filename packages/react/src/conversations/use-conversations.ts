import { type ConversationList, type ListFilter, listKey, selectFound } from '@parley/client'
import { useEffect } from 'react'
import { useClient, useSelect } from '../provider.tsx'

/** The views of the list, each a filter of the server's. */
export const views = {
  all: {},
  unread: { view: 'unread' },
  internal: { kind: 'internal' },
  external: { kind: 'external' },
  archived: { view: 'archived' },
} as const satisfies Record<string, ListFilter>

export type View = keyof typeof views

/** Whether a word names a view. */
export function isView(value: string | undefined): value is View {
  return value !== undefined && Object.hasOwn(views, value)
}

const searchDelay = 200
const nothing: readonly string[] = []

/** A list of conversations that is loaded and kept current. A search shows what is loaded at once, and what the server found when typing has paused. */
export function useConversations(filter: ListFilter): Pick<ConversationList, 'ids' | 'status' | 'error'> & {
  readonly reload: () => void
  readonly loadMore: () => void
  /** Loads the beginning and one more page after something could not be loaded. */
  readonly retry: () => void
} {
  const { conversations } = useClient()
  const key = listKey(filter)
  const list = useSelect((state) => state.lists[key])
  const signedIn = useSelect((state) => state.session.status === 'signed-in')
  const isSearch = filter.q !== undefined
  const isAnswered = list !== undefined && (list.ids.length > 0 || list.status === 'ready')
  const found = useSelect((state) => (isSearch && !isAnswered ? selectFound(state, filter) : nothing))
  useEffect(() => {
    if (!signedIn) return
    const load = () => void conversations.load(filterOf(key)).catch(() => undefined)
    if (!isSearch) return load()
    const timer = setTimeout(load, searchDelay)
    return () => clearTimeout(timer)
  }, [conversations, key, signedIn, isSearch])
  const reload = () => conversations.load(filter).catch(() => undefined)
  const loadMore = () => conversations.loadMore(filter).catch(() => undefined)
  return {
    ids: isAnswered ? list.ids : found,
    status: list?.status ?? 'loading',
    error: list?.error ?? null,
    reload: () => void reload(),
    loadMore: () => void loadMore(),
    retry: () => void reload().then(loadMore),
  }
}

function filterOf(key: string): ListFilter {
  return Object.fromEntries(JSON.parse(key)) as ListFilter
}
