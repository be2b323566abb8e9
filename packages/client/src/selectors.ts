import type { Audience, ConversationSnapshot, Participant, PresenceState, Profile } from '@parley/protocol'
import { byActivity, fits } from './lists.ts'
import { draftKey, type ListFilter, type State, type Typist } from './state.ts'

/** The key of a list in `state.lists`: the same for filters that mean the same. */
export function listKey(filter: ListFilter): string {
  const entries = Object.entries({ view: 'all', ...filter })
  const given = entries.filter(([, value]) => value !== undefined && value !== '')
  return JSON.stringify(given.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Whether the one signed in belongs to the team (admins and members), not to the other side of the business. */
export function isTeam(state: State): boolean {
  const role = state.session.me?.user.role
  return role === 'admin' || role === 'member'
}

/** Whether somebody belongs to the team; unknown people count as the other side. */
export function isTeamMember(state: Pick<State, 'users'>, userId: string): boolean {
  const role = state.users[userId]?.role
  return role === 'admin' || role === 'member'
}

const namesShown = 3

/**
 * What a conversation is called for its viewer: its subject, the record it belongs to, or the people in it.
 * @returns the title; empty while the people are not loaded
 */
export function selectTitle(state: State, conversation: ConversationSnapshot): string {
  const { subject, context, direct } = conversation.conversation
  if (subject !== null) return subject
  if (context !== null && !direct) return context.title
  const own = state.session.me?.user.id
  const others = conversation.participants.filter(({ userId }) => userId !== own)
  const people = others.length > 0 ? others : conversation.participants
  const names = people.flatMap(({ userId }) => state.users[userId]?.name ?? [])
  const more = conversation.participantCount - conversation.participants.length + names.length - namesShown
  return names.slice(0, namesShown).join(', ') + (more > 0 && names.length > 0 ? ` +${more}` : '')
}

interface Found {
  readonly users: State['users']
  readonly ids: readonly string[]
}

const foundIn = new WeakMap<State['conversations'], Map<string, Found>>()

function holds(state: State, { conversation, participants }: ConversationSnapshot, words: string): boolean {
  const own = state.session.me?.user.id
  const names = participants.flatMap(({ userId }) => (userId === own ? [] : (state.users[userId]?.name ?? [])))
  const { subject, context } = conversation
  return [subject ?? '', context?.title ?? '', ...names].some((name) => name.toLowerCase().includes(words))
}

/**
 * What a search finds among the loaded conversations, before and without the server, which knows all of them and everybody in them.
 * @param filter with `q`, which a subject, a record's title or a name must hold
 * @returns ids, latest activity first
 */
export function selectFound(state: State, filter: ListFilter): readonly string[] {
  const { conversations, users } = state
  const known = foundIn.get(conversations) ?? new Map<string, Found>()
  foundIn.set(conversations, known)
  const key = listKey(filter)
  const before = known.get(key)
  if (before?.users === users) return before.ids
  const words = (filter.q ?? '').toLowerCase()
  const found = Object.values(conversations).filter((one) => fits(filter, one, false) && holds(state, one, words))
  const ids = found.sort(byActivity).map(({ conversation }) => conversation.id)
  known.set(key, { users, ids })
  return ids
}

/** The text that was not sent yet to an audience of a conversation; empty when there is none. */
export function selectDraft(state: State, conversationId: string, audience: Audience): string {
  return state.drafts[draftKey(conversationId, audience)] ?? ''
}

/** For whom one writes in a conversation, as chosen last; everyone until something was chosen. */
export function selectAudience(state: State, conversationId: string): Audience {
  return state.drafts[draftKey(conversationId, 'audience')] === 'team' ? 'team' : 'everyone'
}

/** Whether somebody is here; `offline` while unknown. Oneself is here while connected: nobody is told of his own presence. */
export function selectPresence(state: State, userId: string): PresenceState {
  const own = userId === state.session.me?.user.id
  if (own) return state.connection.status === 'online' ? 'online' : 'offline'
  return state.presence[userId]?.state ?? 'offline'
}

/** How many unread messages the loaded conversations hold; archived ones do not count. */
export function selectUnreadTotal(state: State): number {
  let total = 0
  for (const { conversation, unread } of Object.values(state.conversations)) {
    if (conversation.status !== 'archived') total += unread
  }
  return total
}

/** Who of the others has a message. */
export interface Readers {
  /** Ids of those who have read it. */
  readonly read: readonly string[]
  /** Ids of those whom it has reached and who have not read it yet. */
  readonly delivered: readonly string[]
  /** How many others may see it. */
  readonly total: number
}

const nobody: Readers = { read: [], delivered: [], total: 0 }
const readersOf = new WeakMap<ConversationSnapshot, Map<string, Readers>>()

function others(state: State, snapshot: ConversationSnapshot, audience: 'everyone' | 'team'): readonly Participant[] {
  const own = state.session.me?.user.id
  const loaded = state.participants[snapshot.conversation.id]?.items ?? []
  const known = loaded.length > snapshot.participants.length ? loaded : snapshot.participants
  return known.filter(({ userId }) => userId !== own && (audience === 'everyone' || isTeamMember(state, userId)))
}

/**
 * Who has read a message and whom it has reached, as far as participants are loaded. Of a note only the team counts.
 * @param seq the message's position
 */
export function selectReaders(state: State, conversationId: string, seq: number): Readers {
  const snapshot = state.conversations[conversationId]
  if (!snapshot) return nobody
  const message = state.timelines[conversationId]?.items.find((item) => item.seq === seq)
  const audience = message?.audience ?? 'everyone'
  const people = others(state, snapshot, audience)
  const read = people.filter(({ readSeq }) => readSeq >= seq)
  const delivered = people.filter(({ readSeq, deliveredSeq }) => readSeq < seq && deliveredSeq >= seq)
  const readers: Readers = {
    read: read.map(({ userId }) => userId),
    delivered: delivered.map(({ userId }) => userId),
    total: audience === 'team' ? people.length : Math.max(people.length, snapshot.participantCount - 1),
  }
  return remembered(snapshot, readers)
}

/** The same readers keep their reference as long as the conversation does. */
function remembered(snapshot: ConversationSnapshot, readers: Readers): Readers {
  const known = readersOf.get(snapshot) ?? new Map<string, Readers>()
  readersOf.set(snapshot, known)
  const key = JSON.stringify(readers)
  const same = known.get(key) ?? readers
  known.set(key, same)
  return same
}

const noProfiles: readonly Profile[] = []
const typistsOf = new WeakMap<readonly Typist[], readonly Profile[]>()

/** Who is writing in a conversation, in the order they began; people not loaded yet are left out. */
export function selectTyping(state: State, conversationId: string): readonly Profile[] {
  const typing = state.typing[conversationId]
  if (!typing) return noProfiles
  const profiles = typing.flatMap(({ userId }) => state.users[userId] ?? [])
  const known = typistsOf.get(typing)
  if (known && known.length === profiles.length && known.every((one, index) => one === profiles[index])) return known
  typistsOf.set(typing, profiles)
  return profiles
}
