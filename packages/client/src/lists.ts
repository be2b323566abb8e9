import type { ConversationSnapshot } from '@parley/protocol'
import { type ConversationList, type ListFilter, type State, withEntry } from './state.ts'

type Conversations = State['conversations']

/** Compares for the order of lists: latest activity first. */
export function byActivity(a: ConversationSnapshot, b: ConversationSnapshot): number {
  if (a.activityAt !== b.activityAt) return a.activityAt < b.activityAt ? 1 : -1
  return a.conversation.id < b.conversation.id ? 1 : -1
}

function hasStatus(filter: ListFilter, { conversation }: ConversationSnapshot): boolean {
  if (filter.status !== undefined && conversation.status !== filter.status) return false
  if (filter.view === 'archived') return conversation.status === 'archived'
  return filter.status !== undefined || conversation.status !== 'archived'
}

/**
 * Whether a conversation belongs into a list, as the server decides it.
 * @param shown it is in the list already: one that was read meanwhile stays in a list of unread ones
 */
export function fits(filter: ListFilter, snapshot: ConversationSnapshot, shown: boolean): boolean {
  const { kind, context } = snapshot.conversation
  if (!hasStatus(filter, snapshot)) return false
  if (filter.kind !== undefined && kind !== filter.kind) return false
  if (filter.contextType !== undefined && context?.type !== filter.contextType) return false
  if (filter.contextId !== undefined && context?.id !== filter.contextId) return false
  return filter.view !== 'unread' || shown || snapshot.unread > 0
}

/** Whether a list is made by the server alone, because only it can search. */
export function isSearch(filter: ListFilter): boolean {
  return filter.q !== undefined && filter.q !== ''
}

function sorted(ids: Iterable<string>, conversations: Conversations): string[] {
  const known = [...ids].flatMap((id) => conversations[id] ?? [])
  return known.sort(byActivity).map(({ conversation }) => conversation.id)
}

/** A list with one conversation put in, moved or taken out. */
function placed(
  list: ConversationList,
  snapshot: ConversationSnapshot,
  conversations: Conversations,
): ConversationList {
  const { id } = snapshot.conversation
  const shown = list.ids.includes(id)
  const stays = isSearch(list.filter) ? shown : fits(list.filter, snapshot, shown)
  const belongs = stays && (shown || reaches(list, snapshot, conversations))
  if (belongs ? shown && isInOrder(list.ids, snapshot, conversations) : !shown) return list
  const rest = list.ids.filter((other) => other !== id)
  return { ...list, ids: belongs ? sorted([...rest, id], conversations) : rest }
}

function isInOrder(ids: readonly string[], snapshot: ConversationSnapshot, known: Conversations): boolean {
  const index = ids.indexOf(snapshot.conversation.id)
  const [before, after] = [known[ids[index - 1] ?? ''], known[ids[index + 1] ?? '']]
  return (!before || byActivity(before, snapshot) < 0) && (!after || byActivity(snapshot, after) < 0)
}

/** Whether a conversation lies in the loaded part of a list. */
function reaches({ nextCursor, ids }: ConversationList, snapshot: ConversationSnapshot, known: Conversations): boolean {
  const last = known[ids.at(-1) ?? '']
  return nextCursor === null || (last !== undefined && byActivity(snapshot, last) < 0)
}

/** State with every list up to date after a conversation has come or changed. */
export function placeInLists(state: State, conversationId: string): State {
  const snapshot = state.conversations[conversationId]
  if (!snapshot) return state
  let { lists } = state
  for (const [key, list] of Object.entries(lists)) {
    lists = withEntry(lists, key, placed(list, snapshot, state.conversations))
  }
  return lists === state.lists ? state : { ...state, lists }
}

/** State with a conversation taken out of every list. */
export function removeFromLists(state: State, conversationId: string): State {
  let { lists } = state
  for (const [key, list] of Object.entries(lists)) {
    if (!list.ids.includes(conversationId)) continue
    lists = withEntry(lists, key, { ...list, ids: list.ids.filter((id) => id !== conversationId) })
  }
  return lists === state.lists ? state : { ...state, lists }
}

/** A page of a list: conversations that are in the state already, and where to go on. */
export interface ListPage {
  readonly ids: readonly string[]
  readonly nextCursor: string | null
}

/**
 * A list after its first page came, possibly again. What was loaded below the page stays when the page's last conversation stands where it
 * stood: whatever moved since lies above it.
 * @param before the list as it was, null when it was never loaded
 * @param conversations what is known now
 * @param unmoved whether a conversation was in the list and has the activity it had
 */
export function withFirstPage(
  before: ConversationList,
  page: ListPage,
  conversations: Conversations,
  unmoved: (id: string) => boolean,
): ConversationList {
  const last = page.ids.at(-1)
  const deeper = last !== undefined && page.nextCursor !== null && unmoved(last)
  const nextCursor = deeper ? before.nextCursor : page.nextCursor
  const list: ConversationList = { ...before, ids: page.ids, nextCursor, status: 'ready', error: null }
  return deeper ? extended(list, before.ids, conversations) : live(list, conversations)
}

/** A list with its next page. */
export function withNextPage(before: ConversationList, page: ListPage, conversations: Conversations): ConversationList {
  const list: ConversationList = { ...before, nextCursor: page.nextCursor, status: 'ready', error: null }
  return extended(list, page.ids, conversations)
}

function extended(list: ConversationList, ids: readonly string[], conversations: Conversations): ConversationList {
  return live({ ...list, ids: sorted(new Set([...list.ids, ...ids]), conversations) }, conversations)
}

/** A list with everything known that lies in its loaded part, as it is now: what came and left live while its page was on the way. */
function live(list: ConversationList, conversations: Conversations): ConversationList {
  if (isSearch(list.filter)) return list
  const shown = new Set(list.ids)
  const inside = Object.values(conversations).filter((one) => {
    const listed = shown.has(one.conversation.id)
    return fits(list.filter, one, listed) && (listed || reaches(list, one, conversations))
  })
  return { ...list, ids: inside.sort(byActivity).map(({ conversation }) => conversation.id) }
}
