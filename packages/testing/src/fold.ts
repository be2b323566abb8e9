import type { ConversationSnapshot, DurableEvent, Message, Participant } from '@parley/protocol'
import { limits } from '@parley/protocol'
import type { Person } from './people.ts'

/** A conversation as its viewer holds it: the snapshot, with every participant and every message. */
export interface Held {
  readonly viewerId: string
  readonly snapshot: ConversationSnapshot
  readonly participants: readonly Participant[]
  readonly messages: readonly Message[]
}

async function allParticipants(viewer: Person, conversationId: string): Promise<Participant[]> {
  const found: Participant[] = []
  let cursor: string | null | undefined
  do {
    const page = await viewer.call('listParticipants', { conversationId, limit: 100, ...(cursor ? { cursor } : {}) })
    found.push(...page.items)
    cursor = page.nextCursor
  } while (cursor)
  return found
}

async function allMessages(viewer: Person, conversationId: string): Promise<Message[]> {
  const found: Message[] = []
  let more = true
  while (more) {
    const page = await viewer.call('listMessages', {
      conversationId,
      after: found.at(-1)?.seq ?? 0,
      limit: limits.pageMax,
    })
    found.push(...page.items)
    more = page.hasAfter
  }
  return found
}

/** Loads a conversation afresh. Nothing may change while it is read. */
export async function load(viewer: Person, conversationId: string): Promise<Held> {
  const { conversation: snapshot } = await viewer.call('getConversation', { conversationId })
  return {
    viewerId: viewer.id,
    snapshot,
    participants: await allParticipants(viewer, conversationId),
    messages: await allMessages(viewer, conversationId),
  }
}

function replaceMessage(held: Held, message: Message): Held {
  const beginning = [...message.text].slice(0, limits.quoteLength).join('')
  const messages = held.messages.map((known) => {
    if (known.id === message.id) return message
    if (known.quote?.messageId !== message.id) return known
    return { ...known, quote: { ...known.quote, text: beginning, deleted: message.deletedAt !== null } }
  })
  return { ...held, messages }
}

function byJoining(a: Participant, b: Participant): number {
  return a.joinedAt.localeCompare(b.joinedAt) || (a.userId < b.userId ? -1 : 1)
}

function putParticipant(held: Held, participant: Participant): Held {
  const others = held.participants.filter(({ userId }) => userId !== participant.userId)
  return { ...held, participants: [...others, participant].sort(byJoining) }
}

function change(held: Held, event: DurableEvent): Held {
  switch (event.type) {
    case 'conversation-created':
    case 'conversation-updated':
      return { ...held, snapshot: { ...held.snapshot, conversation: event.data.conversation } }
    case 'participant-added':
    case 'participant-updated':
      return putParticipant(held, event.data.participant)
    case 'participant-removed':
      return { ...held, participants: held.participants.filter(({ userId }) => userId !== event.data.userId) }
    case 'new-message':
      if (held.messages.some(({ id }) => id === event.data.message.id)) return held
      return { ...held, messages: [...held.messages, event.data.message] }
    case 'message-updated':
    case 'message-deleted':
      return replaceMessage(held, event.data.message)
  }
}

/** What a list row shows follows from the messages and participants that are held. */
function derive(held: Held): Held {
  const spoken = held.messages.filter(({ kind }) => kind !== 'system')
  const mine = held.participants.find(({ userId }) => userId === held.viewerId)
  const unread = spoken.filter(
    ({ seq, senderId, deletedAt }) => seq > (mine?.readSeq ?? 0) && senderId !== held.viewerId && deletedAt === null,
  ).length
  const last = spoken.at(-1) ?? null
  const moved = last !== null && last.createdAt > held.snapshot.activityAt
  return {
    ...held,
    snapshot: {
      ...held.snapshot,
      participants: held.participants.slice(0, limits.participantsEmbedded),
      participantCount: held.participants.length,
      unread,
      lastMessage: last,
      activityAt: moved ? last.createdAt : held.snapshot.activityAt,
    },
  }
}

/**
 * Applies pages of changes fetched after the position that is held: what is hidden from the viewer has no event in them.
 * @param seq where the last page says to stand
 */
export function catchUp(held: Held, events: readonly DurableEvent[], seq: number): Held {
  const now = events.reduce(change, held)
  return derive({ ...now, snapshot: { ...now.snapshot, seq } })
}

/**
 * Applies events to what a viewer holds, as delivery.md asks of a client: what is known already is dropped.
 * @throws Error when an event does not follow the last one
 */
export function fold(held: Held, events: readonly DurableEvent[]): Held {
  let now = held
  for (const event of events) {
    if (event.seq <= now.snapshot.seq) continue
    if (event.prev > now.snapshot.seq)
      throw new Error(`A gap: at ${now.snapshot.seq}, then ${event.prev} -> ${event.seq}`)
    now = change(now, event)
    now = { ...now, snapshot: { ...now.snapshot, seq: event.seq } }
  }
  return derive(now)
}
