import { type ConversationSnapshot, type DurableEvent, limits, type Message, type Participant } from '@parley/protocol'
import { afterChange } from './timeline.ts'

/** The two marks of a participant. */
export type Mark = 'readSeq' | 'deliveredSeq'

/** Whether a message counts as unread for somebody with this read mark. */
export function isUnread(message: Message, own: string, readSeq: number): boolean {
  return message.seq > readSeq && message.senderId !== own && message.kind !== 'system'
}

/** Where somebody has read up to, as far as it is known. */
export function readSeqOf(snapshot: ConversationSnapshot, userId: string): number {
  return snapshot.participants.find((participant) => participant.userId === userId)?.readSeq ?? 0
}

function byJoining(a: Participant, b: Participant): number {
  if (a.joinedAt !== b.joinedAt) return a.joinedAt < b.joinedAt ? -1 : 1
  return a.userId < b.userId ? -1 : a.userId > b.userId ? 1 : 0
}

/** Participants in the order of joining, with one put in or brought up to date. Marks never go back. */
export function putParticipant(people: readonly Participant[], one: Participant): Participant[] {
  const rest = people.filter(({ userId }) => userId !== one.userId)
  return [...rest, withLaterMarks(one, people)].sort(byJoining)
}

/** A participant with the marks known of the same stay, where those are further ahead. */
export function withLaterMarks(one: Participant, known: readonly Participant[]): Participant {
  const same = known.find(({ userId, joinedAt }) => userId === one.userId && joinedAt === one.joinedAt)
  if (!same) return one
  return {
    ...one,
    readSeq: Math.max(one.readSeq, same.readSeq),
    deliveredSeq: Math.max(one.deliveredSeq, same.deliveredSeq),
  }
}

/** The first ones by joining, as many as a snapshot holds, the viewer always among them. */
function embedded(people: Participant[], own: string): Participant[] {
  if (people.length <= limits.participantsEmbedded) return people
  const others = people.filter(({ userId }) => userId !== own)
  const kept = new Set(others.slice(0, limits.participantsEmbedded - 1))
  return people.filter((one) => one.userId === own || kept.has(one))
}

function fold(snapshot: ConversationSnapshot, event: DurableEvent, own: string): ConversationSnapshot {
  const { participants, participantCount, unread, lastMessage } = snapshot
  switch (event.type) {
    case 'conversation-created':
    case 'conversation-updated':
      return { ...snapshot, conversation: event.data.conversation }
    case 'participant-added':
      return {
        ...snapshot,
        participants: embedded(putParticipant(participants, event.data.participant), own),
        participantCount: participantCount + 1,
      }
    case 'participant-updated': {
      const { participant } = event.data
      if (!participants.some(({ userId }) => userId === participant.userId)) return snapshot
      return { ...snapshot, participants: putParticipant(participants, participant) }
    }
    case 'participant-removed':
      return {
        ...snapshot,
        participants: participants.filter(({ userId }) => userId !== event.data.userId),
        participantCount: participantCount - 1,
      }
    case 'new-message': {
      const { message } = event.data
      if (message.kind === 'system') return snapshot
      const counts = isUnread(message, own, readSeqOf(snapshot, own))
      return {
        ...snapshot,
        unread: Math.min(limits.unreadCounted, unread + (counts ? 1 : 0)),
        lastMessage: message,
        activityAt: message.createdAt,
      }
    }
    case 'message-updated':
      return { ...snapshot, lastMessage: lastMessage && afterChange(lastMessage, event.data.message) }
    case 'message-deleted': {
      const { message } = event.data
      const counted = isUnread(message, own, readSeqOf(snapshot, own))
      return {
        ...snapshot,
        unread: Math.max(0, unread - (counted ? 1 : 0)),
        lastMessage: lastMessage && afterChange(lastMessage, message),
      }
    }
  }
}

/**
 * A snapshot after an event. Events it holds already change nothing, so that repetition does no harm.
 * Unread counts by position: a message that is announced when it is deleted already counts until its deletion comes by.
 * @param own the viewer's id
 */
export function foldSnapshot(snapshot: ConversationSnapshot, event: DurableEvent, own: string): ConversationSnapshot {
  if (event.seq <= snapshot.seq) return snapshot
  return { ...fold(snapshot, event, own), seq: event.seq }
}

/**
 * Whether a snapshot lacks, after some events, what only the server knows: an embedded participant, or a count that may have come down
 * from above the countable.
 */
export function isIncomplete(
  before: ConversationSnapshot,
  after: ConversationSnapshot,
  events: readonly DurableEvent[],
): boolean {
  if (after.participants.length < Math.min(after.participantCount, limits.participantsEmbedded)) return true
  const said = events.filter(({ type }) => type === 'new-message').length
  const countable = before.unread + said < limits.unreadCounted || after.unread >= limits.unreadCounted
  return !countable && events.some(({ type }) => type === 'message-deleted')
}

/** Participants with a mark of one of them moved forward; the same ones when it does not move. */
export function raiseMark<People extends readonly Participant[]>(
  people: People,
  userId: string,
  seq: number,
  mark: Mark,
): People | Participant[] {
  const one = people.find((participant) => participant.userId === userId)
  if (!one) return people
  const delivered = Math.max(one.deliveredSeq, seq)
  const raised =
    mark === 'readSeq' ? { readSeq: Math.max(one.readSeq, seq), deliveredSeq: delivered } : { deliveredSeq: delivered }
  const next = { ...one, ...raised }
  if (next.readSeq === one.readSeq && next.deliveredSeq === one.deliveredSeq) return people
  return people.map((participant) => (participant === one ? next : participant))
}
