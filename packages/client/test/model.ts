import type {
  ChangesPage,
  Conversation,
  ConversationSnapshot,
  DurableEvent,
  Message,
  OperationInput,
  OperationOutput,
  Participant,
  Profile,
} from '@parley/protocol'
import { limits, ParleyError } from '@parley/protocol'

export const conversationId = 'c1'
export const epoch = 'epoch-1'

type Change = { readonly seq: number; readonly actorId: string } & (
  | { readonly type: 'new-message' | 'message-updated' | 'message-deleted'; readonly messageId: string }
  | { readonly type: 'participant-added' | 'participant-updated' | 'participant-removed'; readonly userId: string }
  | { readonly type: 'conversation-created' | 'conversation-updated' }
)

type Body = Change extends infer One ? (One extends Change ? Omit<One, 'seq'> : never) : never
type Stored = Omit<Message, 'quote'> & { readonly quoteId: string | null }

const beginning = Date.parse('2026-01-01T00:00:00.000Z')

export function profileOf(id: string): Profile {
  return { id, name: id, avatarUrl: null, role: 'member', organization: null }
}

/**
 * What the server is to one viewer, in few lines: one conversation, its log, and the present state of what the log refers to. Like the
 * real one it shows changes by the present state of their entities, and states the position of every reading.
 */
export class Model {
  readonly viewer: string
  #conversation: Conversation
  readonly #people = new Map<string, Participant>()
  /** How far the viewer had read when they were removed. */
  #left: Partial<Participant> = {}
  readonly #messages: Stored[] = []
  readonly #log: Change[] = []

  constructor(viewer: string, people: readonly string[]) {
    this.viewer = viewer
    this.#conversation = {
      id: conversationId,
      kind: 'internal',
      direct: false,
      subject: 'First',
      context: null,
      status: 'open',
      createdBy: viewer,
      createdAt: this.#at(0),
    }
    for (const userId of people) this.#people.set(userId, this.#participant(userId))
    this.#record({ type: 'conversation-created', actorId: viewer })
  }

  get head(): number {
    return this.#log.length
  }

  get people(): string[] {
    return [...this.#people.keys()]
  }

  get messageIds(): string[] {
    return this.#messages.map(({ id }) => id)
  }

  send(senderId: string, text: string, options: { clientKey?: string; quoteId?: string | null } = {}): Message {
    return this.#post(senderId, 'internal', text, options)
  }

  tell(senderId: string): Message {
    return this.#post(senderId, 'system', '', {})
  }

  edit(id: string, text: string): void {
    const message = this.#stored(id)
    if (message.deletedAt !== null || message.kind === 'system' || message.text === text) return
    const { seq } = this.#record({ type: 'message-updated', actorId: message.senderId, messageId: id })
    this.#replace({ ...message, text, editedAt: this.#at(seq) })
  }

  remove(id: string): void {
    const message = this.#stored(id)
    if (message.deletedAt !== null || message.kind === 'system') return
    const { seq } = this.#record({ type: 'message-deleted', actorId: message.senderId, messageId: id })
    this.#replace({ ...message, text: '', quoteId: null, deletedAt: this.#at(seq), deletedBy: message.senderId })
  }

  rename(subject: string): void {
    this.#conversation = { ...this.#conversation, subject }
    this.#record({ type: 'conversation-updated', actorId: this.viewer })
  }

  join(userId: string): void {
    if (this.#people.has(userId)) return
    this.#record({ type: 'participant-added', actorId: this.viewer, userId })
    this.#people.set(userId, { ...this.#participant(userId), ...(userId === this.viewer ? this.#left : {}) })
  }

  leave(userId: string): void {
    if (userId === this.viewer || !this.#people.has(userId)) return
    this.#record({ type: 'participant-removed', actorId: this.viewer, userId })
    this.#people.delete(userId)
  }

  /** Removes the viewer: from then on nothing here exists for them. Like the real one it remembers how far they have read. */
  expel(): void {
    const { readSeq, deliveredSeq } = this.#person(this.viewer)
    this.#left = { readSeq, deliveredSeq }
    this.#record({ type: 'participant-removed', actorId: 'ann', userId: this.viewer })
    this.#people.delete(this.viewer)
  }

  /** Removes the viewer and adds them again, with all that was said. */
  rejoin(): void {
    this.expel()
    this.join(this.viewer)
  }

  /** Moves the viewer's read mark; answers where it stands. */
  read(seq: number): number {
    const own = this.#person(this.viewer)
    const readSeq = Math.max(own.readSeq, Math.min(seq, this.head))
    this.#people.set(this.viewer, { ...own, readSeq, deliveredSeq: Math.max(own.deliveredSeq, readSeq) })
    return readSeq
  }

  /** The event at a position, as delivered live now. */
  event(seq: number): DurableEvent {
    const change = this.#log[seq - 1]
    if (!change) throw new Error(`nothing at ${seq}`)
    const base = { conversationId, seq, prev: seq - 1, actorId: change.actorId, at: this.#at(seq) }
    switch (change.type) {
      case 'conversation-created':
      case 'conversation-updated':
        return { ...base, type: change.type, data: { conversation: this.#conversation } }
      case 'participant-added': {
        const participant = this.#people.get(change.userId) ?? this.#participant(change.userId)
        return { ...base, type: change.type, data: { participant, user: profileOf(change.userId) } }
      }
      case 'participant-updated':
        return { ...base, type: change.type, data: { participant: this.#person(change.userId) } }
      case 'participant-removed':
        return { ...base, type: change.type, data: { userId: change.userId } }
      case 'new-message':
      case 'message-updated':
      case 'message-deleted':
        return { ...base, type: change.type, data: { message: this.message(change.messageId) } }
    }
  }

  message(id: string): Message {
    const { quoteId, ...message } = this.#stored(id)
    return { ...message, quote: quoteId === null ? null : this.#quote(quoteId) }
  }

  snapshot(): ConversationSnapshot {
    const own = this.#person(this.viewer)
    const spoken = this.#messages.filter(({ kind }) => kind !== 'system')
    const unread = spoken.filter(
      (one) => one.seq > own.readSeq && one.senderId !== this.viewer && one.deletedAt === null,
    )
    const last = spoken.at(-1)
    const people = this.#sorted()
    const others = people.filter(({ userId }) => userId !== this.viewer).slice(0, limits.participantsEmbedded - 1)
    return {
      conversation: this.#conversation,
      seq: this.head,
      participants: people.filter((one) => one.userId === this.viewer || others.includes(one)),
      participantCount: people.length,
      unread: Math.min(limits.unreadCounted, unread.length),
      lastMessage: last ? this.message(last.id) : null,
      activityAt: last?.createdAt ?? this.#conversation.createdAt,
    }
  }

  #sorted(): Participant[] {
    return [...this.#people.values()].sort(order)
  }

  participants(): OperationOutput<'listParticipants'> {
    return { items: this.#sorted(), nextCursor: null, seq: this.head, users: this.people.map(profileOf) }
  }

  changes(after: number, limit: number = limits.changesPage): ChangesPage {
    this.#person(this.viewer)
    const end = Math.min(this.head, after + limit)
    const items = Array.from({ length: Math.max(0, end - after) }, (_, index) => this.event(after + index + 1))
    return { status: after > this.head ? 'resync' : 'ok', epoch, items, seq: end, more: end < this.head }
  }

  page({ before, after, around, limit = 50 }: Omit<OperationInput<'listMessages'>, 'conversationId'>) {
    this.#person(this.viewer)
    const size = Number(limit)
    const edge = Number(around ?? (after === undefined ? (before ?? Number.MAX_SAFE_INTEGER) : Number(after) + 1))
    const older = around === undefined ? (after === undefined ? size : 0) : Math.floor(size / 2)
    const below = this.#messages.filter(({ seq }) => seq < edge)
    const above = this.#messages.filter(({ seq }) => seq >= edge)
    const newer = around === undefined ? (after === undefined ? 0 : size) : size - older
    const items = [...below.slice(Math.max(0, below.length - older)), ...above.slice(0, newer)]
    return {
      items: items.map(({ id }) => this.message(id)),
      hasBefore: below.length > older,
      hasAfter: above.length > newer,
      seq: this.head,
      users: this.people.map(profileOf),
    } satisfies OperationOutput<'listMessages'>
  }

  #at(seq: number): string {
    return new Date(beginning + seq * 1000).toISOString()
  }

  #record(body: Body): Change {
    const change = { ...body, seq: this.#log.length + 1 } as Change
    this.#log.push(change)
    return change
  }

  #participant(userId: string): Participant {
    return { userId, role: 'member', joinedAt: this.#at(this.#log.length), readSeq: 0, deliveredSeq: 0 }
  }

  #person(userId: string): Participant {
    const person = this.#people.get(userId)
    if (!person) throw new ParleyError('not_found')
    return person
  }

  #post(
    senderId: string,
    kind: Message['kind'],
    text: string,
    { clientKey = `key-${this.head + 1}`, quoteId = null }: { clientKey?: string; quoteId?: string | null },
  ): Message {
    const known = this.#messages.find((one) => one.senderId === senderId && one.clientKey === clientKey)
    if (known) return this.message(known.id)
    const id = `m${this.head + 1}`
    const { seq } = this.#record({ type: 'new-message', actorId: senderId, messageId: id })
    this.#messages.push({
      id,
      conversationId,
      seq,
      clientKey,
      senderId,
      kind,
      audience: 'everyone',
      text,
      quoteId,
      system: kind === 'system' ? { type: 'subject-changed', subject: null } : null,
      createdAt: this.#at(seq),
      editedAt: null,
      deletedAt: null,
      deletedBy: null,
    })
    return this.message(id)
  }

  #stored(id: string): Stored {
    const message = this.#messages.find((one) => one.id === id)
    if (!message) throw new ParleyError('not_found')
    return message
  }

  #replace(message: Stored): void {
    this.#messages.splice(
      this.#messages.findIndex(({ id }) => id === message.id),
      1,
      message,
    )
  }

  #quote(id: string): Message['quote'] {
    const { seq, senderId, audience, text, deletedAt } = this.#stored(id)
    const shown = Array.from(text).slice(0, limits.quoteLength).join('')
    return { messageId: id, seq, senderId, audience, text: shown, deleted: deletedAt !== null }
  }
}

function order(a: Participant, b: Participant): number {
  if (a.joinedAt !== b.joinedAt) return a.joinedAt < b.joinedAt ? -1 : 1
  return a.userId < b.userId ? -1 : 1
}
