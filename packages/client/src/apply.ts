import type { ConversationSnapshot, DurableEvent, Message, Participant } from '@parley/protocol'
import { limits } from '@parley/protocol'
import { placeInLists, removeFromLists } from './lists.ts'
import { foldSnapshot, isUnread, type Mark, putParticipant, raiseMark, readSeqOf } from './snapshot.ts'
import { type ParticipantList, type Pending, type State, type Timeline, withEntry, withoutEntry } from './state.ts'
import { afterChange, emptyTimeline, foldTimeline, putMessage, replaceMessage } from './timeline.ts'

function ownId(state: State): string {
  return state.session.me?.user.id ?? ''
}

/** State with a snapshot put in, and lists that follow. */
function putSnapshot(state: State, snapshot: ConversationSnapshot): State {
  const { id } = snapshot.conversation
  if (state.conversations[id] === snapshot) return state
  return placeInLists({ ...state, conversations: withEntry(state.conversations, id, snapshot) }, id)
}

/** State with a timeline put in. */
export function putTimeline(state: State, conversationId: string, timeline: Timeline): State {
  const timelines = withEntry(state.timelines, conversationId, timeline)
  return timelines === state.timelines ? state : { ...state, timelines }
}

/** State without a conversation and all that belongs to it; what was written and not sent stays. */
export function dropConversation(state: State, conversationId: string): State {
  return {
    ...removeFromLists(state, conversationId),
    conversations: withoutEntry(state.conversations, conversationId),
    timelines: withoutEntry(state.timelines, conversationId),
    participants: withoutEntry(state.participants, conversationId),
    typing: withoutEntry(state.typing, conversationId),
  }
}

/** State without a pending message. */
export function withoutPending(state: State, conversationId: string, clientKeys: ReadonlySet<string>): State {
  const pending = state.outbox[conversationId]
  if (!pending?.some(({ clientKey }) => clientKeys.has(clientKey))) return state
  const rest = pending.filter(({ clientKey }) => !clientKeys.has(clientKey))
  const outbox =
    rest.length > 0 ? withEntry(state.outbox, conversationId, rest) : withoutEntry(state.outbox, conversationId)
  return { ...state, outbox }
}

/** State without the pending messages that these stored ones once were. */
export function confirm(state: State, conversationId: string, messages: readonly Message[]): State {
  if (!state.outbox[conversationId]) return state
  const own = messages.filter(({ senderId }) => senderId === ownId(state))
  return withoutPending(state, conversationId, new Set(own.map(({ clientKey }) => clientKey)))
}

/** Whether the stored message that a pending one has become is loaded. */
export function isLoaded(state: State, { conversationId, clientKey }: Pending): boolean {
  const own = ownId(state)
  const items = state.timelines[conversationId]?.items ?? []
  return items.some((message) => message.clientKey === clientKey && message.senderId === own)
}

/** Whether everything after a read mark is loaded. */
function holdsUnread(timeline: Timeline | undefined, readSeq: number): timeline is Timeline {
  if (timeline?.status !== 'ready' || timeline.hasAfter) return false
  const first = timeline.items[0]
  return !timeline.hasBefore || (first !== undefined && first.seq <= readSeq + 1)
}

/**
 * How many loaded messages are unread; null when not all that could be are loaded.
 * @param readSeq the viewer's read mark
 */
function countUnread(timeline: Timeline | undefined, own: string, readSeq: number): number | null {
  if (!holdsUnread(timeline, readSeq)) return null
  const unread = timeline.items.filter((message) => message.deletedAt === null && isUnread(message, own, readSeq))
  return Math.min(limits.unreadCounted, unread.length)
}

/** Whether all messages that could be unread are loaded, so that they are counted one by one. */
export function isUnreadCounted(state: State, conversationId: string): boolean {
  const snapshot = state.conversations[conversationId]
  const own = ownId(state)
  return snapshot !== undefined && holdsUnread(state.timelines[conversationId], readSeqOf(snapshot, own))
}

/** State with a conversation's unread messages counted afresh, where they are loaded. */
export function recount(state: State, conversationId: string): State {
  const snapshot = state.conversations[conversationId]
  if (!snapshot) return state
  const own = ownId(state)
  const unread = countUnread(state.timelines[conversationId], own, readSeqOf(snapshot, own))
  return unread === null || unread === snapshot.unread ? state : putSnapshot(state, { ...snapshot, unread })
}

/** People of whom none are loaded yet. */
export const emptyPeople: ParticipantList = { items: [], nextCursor: null, status: 'loading', error: null }

/** The people of a conversation after an event; events that do not concern them change nothing. */
export function foldPeople(list: ParticipantList, event: DurableEvent): ParticipantList {
  switch (event.type) {
    case 'participant-added':
      return withPerson(list, event.data.participant, list.nextCursor === null)
    case 'participant-updated':
      return withPerson(list, event.data.participant, false)
    case 'participant-removed':
      return { ...list, items: list.items.filter(({ userId }) => userId !== event.data.userId) }
    case 'conversation-created':
    case 'conversation-updated':
    case 'new-message':
    case 'message-updated':
    case 'message-deleted':
      return list
  }
}

function withPerson(list: ParticipantList, one: Participant, insert: boolean): ParticipantList {
  const known = list.items.some(({ userId }) => userId === one.userId)
  return known || insert ? { ...list, items: putParticipant(list.items, one) } : list
}

/** What an event changes besides the conversation's snapshot. */
function foldRest(state: State, event: DurableEvent): State {
  const { conversationId } = event
  const timeline = state.timelines[conversationId]
  const people = state.participants[conversationId]
  let next = state
  if (timeline) next = putTimeline(next, conversationId, foldTimeline(timeline, event))
  if (people) {
    next = { ...next, participants: withEntry(next.participants, conversationId, foldPeople(people, event)) }
  }
  if (event.type === 'participant-added') {
    next = { ...next, users: withEntry(next.users, event.data.user.id, event.data.user) }
  }
  if (event.type === 'new-message') {
    const { message } = event.data
    next = withoutTypist(confirm(next, conversationId, [message]), conversationId, message.senderId)
  }
  return next
}

/** State in which somebody does not write any more. */
export function withoutTypist(state: State, conversationId: string, userId: string): State {
  const typing = state.typing[conversationId]
  if (!typing?.some((one) => one.userId === userId)) return state
  const rest = typing.filter((one) => one.userId !== userId)
  return {
    ...state,
    typing:
      rest.length > 0 ? withEntry(state.typing, conversationId, rest) : withoutEntry(state.typing, conversationId),
  }
}

/**
 * State after the next durable event of a conversation. Events of conversations that are not loaded, and events that are
 * applied already, change nothing (architecture S4).
 */
export function applyEvent(state: State, event: DurableEvent): State {
  const { conversationId } = event
  const snapshot = state.conversations[conversationId]
  if (!snapshot || event.seq <= snapshot.seq) return state
  if (event.type === 'participant-removed' && event.data.userId === ownId(state)) {
    return dropConversation(state, conversationId)
  }
  const next = foldRest(state, event)
  return recount(putSnapshot(next, foldSnapshot(snapshot, event, ownId(state))), conversationId)
}

/** State in which a conversation is known to stand at a position: nothing the viewer may see lies in between. */
export function advance(state: State, conversationId: string, seq: number): State {
  const snapshot = state.conversations[conversationId]
  return snapshot && snapshot.seq < seq ? putSnapshot(state, { ...snapshot, seq }) : state
}

/** State with a message as it is now, wherever it shows; its place in the line does not matter. */
export function showMessage(state: State, message: Message): State {
  const { conversationId } = message
  const timeline = state.timelines[conversationId]
  const snapshot = state.conversations[conversationId]
  let next = state
  if (timeline) next = putTimeline(next, conversationId, replaceMessage(timeline, message))
  if (snapshot?.lastMessage) {
    const lastMessage = afterChange(snapshot.lastMessage, message)
    if (lastMessage !== snapshot.lastMessage) next = putSnapshot(next, { ...snapshot, lastMessage })
  }
  return recount(next, conversationId)
}

/**
 * State with the server's answer to a send: the pending row becomes the stored one. An answer whose event came first adds
 * nothing, for the message may have changed since.
 */
export function storeSent(state: State, message: Message): State {
  const { conversationId, seq } = message
  const snapshot = state.conversations[conversationId]
  const timeline = state.timelines[conversationId]
  const early = timeline && seq > (snapshot?.seq ?? 0)
  const next = early ? putTimeline(state, conversationId, putMessage(timeline, message)) : state
  return confirm(next, conversationId, [message])
}

/** State with somebody's mark moved forward. Own unread messages are counted afresh where they are loaded. */
export function applyMark(state: State, conversationId: string, userId: string, seq: number, mark: Mark): State {
  const next = markPerson(state, conversationId, userId, seq, mark)
  const snapshot = state.conversations[conversationId]
  if (!snapshot) return next
  const participants = raiseMark(snapshot.participants, userId, seq, mark)
  if (participants === snapshot.participants) return next
  const reads = mark === 'readSeq' && userId === ownId(state)
  const unread = (reads ? unreadAt(state, snapshot, seq) : null) ?? snapshot.unread
  return putSnapshot(next, { ...snapshot, participants, unread })
}

function markPerson(state: State, conversationId: string, userId: string, seq: number, mark: Mark): State {
  const list = state.participants[conversationId]
  const items = list && raiseMark(list.items, userId, seq, mark)
  if (!list || !items || items === list.items) return state
  return { ...state, participants: withEntry(state.participants, conversationId, { ...list, items }) }
}

/** Whether what is unread follows from what is loaded. */
export function canCountUnread(state: State, conversationId: string): boolean {
  const snapshot = state.conversations[conversationId]
  if (!snapshot) return false
  const readSeq = readSeqOf(snapshot, ownId(state))
  return readSeq >= snapshot.seq || countUnread(state.timelines[conversationId], ownId(state), readSeq) !== null
}

/**
 * Whether two states of a conversation, of which one has come further in time and the other in reading, leave open what is unread.
 * @param ours what was known of it before `theirs` was taken in
 */
export function isUnreadUnsure(state: State, ours: ConversationSnapshot, theirs: ConversationSnapshot): boolean {
  const { id } = theirs.conversation
  const own = ownId(state)
  const [mine, told] = [readSeqOf(ours, own), readSeqOf(theirs, own)]
  const replaced = state.conversations[id]?.seq === theirs.seq
  return (mine > told || (mine < told && !replaced)) && !canCountUnread(state, id)
}

/** How many messages stay unread when the viewer has read up to a position; null when the server must be asked. */
export function unreadAt(state: State, snapshot: ConversationSnapshot, seq: number): number | null {
  if (seq >= snapshot.seq) return 0
  const own = ownId(state)
  const timeline = state.timelines[snapshot.conversation.id]
  const exact = countUnread(timeline, own, seq)
  if (exact !== null || !timeline || snapshot.unread >= limits.unreadCounted) return exact
  const before = readSeqOf(snapshot, own)
  const [first, last] = [timeline.items[0], timeline.items.at(-1)]
  const covers = first && last && (first.seq <= before + 1 || !timeline.hasBefore) && last.seq >= seq
  if (!covers) return null
  const read = timeline.items.filter((one) => one.seq <= seq && isUnread(one, own, before))
  if (read.some(({ deletedAt }) => deletedAt !== null)) return null
  return Math.max(0, snapshot.unread - read.length)
}

/** Whether messages or people of a conversation are loaded, which must stay in step with it. */
export function hasDetails(state: State, conversationId: string): boolean {
  const { timelines, participants } = state
  return timelines[conversationId]?.status === 'ready' || (participants[conversationId]?.items.length ?? 0) > 0
}

/** State in which what was loaded of a conversation is still to be loaded. */
export function withoutDetails(state: State, conversationId: string): State {
  const { timelines, participants } = state
  return {
    ...state,
    timelines: timelines[conversationId] ? withEntry(timelines, conversationId, emptyTimeline) : timelines,
    participants: participants[conversationId] ? withEntry(participants, conversationId, emptyPeople) : participants,
  }
}

/**
 * State with a snapshot that was read where the conversation stands. Marks that are further ahead here stay, and those it brings move
 * in the list of participants too.
 */
export function replaceSnapshot(state: State, theirs: ConversationSnapshot): State {
  const { id } = theirs.conversation
  const ours = state.conversations[id]
  return healMarks(putSnapshot(state, theirs), id, [...(ours?.participants ?? []), ...theirs.participants])
}

function healMarks(state: State, conversationId: string, people: readonly Participant[]): State {
  return people.reduce((next, { userId, readSeq, deliveredSeq }) => {
    const read = applyMark(next, conversationId, userId, readSeq, 'readSeq')
    return applyMark(read, conversationId, userId, deliveredSeq, 'deliveredSeq')
  }, state)
}

/**
 * State with a snapshot that came along with others. One that is older than what is known here, or newer than what is loaded of it,
 * gives its marks only.
 */
export function acceptSnapshot(state: State, theirs: ConversationSnapshot): State {
  const { id } = theirs.conversation
  const ours = state.conversations[id]
  const replaces = !ours || theirs.seq === ours.seq || (theirs.seq > ours.seq && !hasDetails(state, id))
  return replaces ? replaceSnapshot(state, theirs) : healMarks(state, id, theirs.participants)
}
