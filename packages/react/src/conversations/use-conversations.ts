import { type ConversationList, type ListFilter, listKey } from '@parley/client'
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

/** A list of conversations that is loaded and kept current. */
export function useConversations(filter: ListFilter): {
  readonly list: ConversationList | undefined
  readonly reload: () => void
  readonly loadMore: () => void
  /** Loads the beginning and one more page after something could not be loaded. */
  readonly retry: () => void
} {
  const client = useClient()
  const key = listKey(filter)
  const list = useSelect((state) => state.lists[key])
  const signedIn = useSelect((state) => state.session.status === 'signed-in')
  useEffect(() => {
    if (signedIn) void client.conversations.load(filterOf(key)).catch(() => undefined)
  }, [client, key, signedIn])
  const { conversations } = client
  const reload = () => conversations.load(filter).catch(() => undefined)
  const loadMore = () => conversations.loadMore(filter).catch(() => undefined)
  return {
    list,
    reload: () => void reload(),
    loadMore: () => void loadMore(),
    retry: () => void reload().then(loadMore),
  }
}

function filterOf(key: string): ListFilter {
  return Object.fromEntries(JSON.parse(key)) as ListFilter
}
