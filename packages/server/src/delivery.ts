import type { Line } from './actor.ts'
import { Arrivals } from './arrivals.ts'
import type { Fresh, Hint, MarkSignal, Signal } from './bus.ts'
import { type Batch, readMembers } from './changes/change.service.ts'
import type { ChangeRow } from './changes/change.tables.ts'
import { LogReader } from './changes/log-reader.ts'
import { toEvent, type Viewer } from './changes/materialize.service.ts'
import type { Membership } from './changes/resume.service.ts'
import type { Services } from './context.ts'
import { pairKey } from './ids.ts'
import { fits } from './participants/participant.policy.ts'
import { type Frame, frameOf } from './realtime-frame.ts'
import type { Outlet } from './realtime-outlets.ts'

/** A person with sockets on this node. */
export interface Reader {
  readonly workspaceId: string
  readonly userId: string
  readonly line: Line
  readonly outlets: ReadonlySet<Outlet>
}

/** Sends a frame to everything a reader has open. */
function pushTo({ outlets }: Reader, frame: Frame): void {
  for (const outlet of outlets) outlet.push(frame)
}

interface Place {
  readonly reader: Reader
  readonly fromSeq: number
}

/** A conversation with readers here: how far its log is delivered, how far it is known to go, and who reads. */
interface Feed {
  readonly key: string
  readonly workspaceId: string
  readonly conversationId: string
  readonly places: Map<string, Place>
  readonly waiting: Map<string, Signal>
  /** How far marks have been told: they come over the bus, and once more by the log. */
  readonly told: Map<string, number>
  /** What was written by this process and not yet delivered, by where it begins. */
  readonly fresh: Map<number, Batch>
  delivered: number
  hinted: number
  running: boolean
}

const freshKept = 64
const retryDelay = 500

/** The oldest position a change shows or cites: whose history starts later may not see all of it. */
function reachOf(change: ChangeRow, { entities }: Batch): number {
  const message = entities.messages.get(change.entity_id)
  return Math.min(change.seq, message?.seq ?? change.seq, message?.quote_seq ?? change.seq)
}

/** Whether somebody who came into the conversation of a batch may read it: he may have become an outsider since. */
function admits({ entities: { conversation } }: Batch, { line }: Reader): boolean {
  return conversation !== null && fits(conversation, line)
}

function batchOf(conversationId: string, { changes, messages }: Fresh): Batch {
  const byId = new Map(messages.map((message) => [message.id, message]))
  const entities = { conversationId, conversation: null, messages: byId, participants: new Map(), profiles: new Map() }
  return { changes, entities }
}

/** Whether a mark has been told to a line; if not, it is now. What was read was delivered. */
function isTold({ told }: Feed, signal: Signal, line: Line): boolean {
  const { type, userId } = signal
  if (type !== 'message-read' && type !== 'message-delivered') return false
  const keyOf = (mark: MarkSignal['type']) => `${line} ${mark} ${userId}`
  const seq = signal[line]?.seq ?? 0
  if (seq <= Math.max(told.get(keyOf('message-read')) ?? 0, told.get(keyOf(type)) ?? 0)) return true
  told.set(keyOf(type), seq)
  return false
}

function peopleOf(feeds: Iterable<Feed>, without: string): Reader[] {
  const found = new Map<string, Reader>()
  for (const feed of feeds)
    for (const [userId, { reader }] of feed.places) if (userId !== without) found.set(userId, reader)
  return [...found.values()]
}

/**
 * Delivers the change log to the sockets of this node, conversation by conversation, in order and without a gap.
 * A hint only says that there is more; the changes are read from the log, unless this process has just written them. Membership changes are applied to the set of readers at
 * their own place in the line, so nothing after a removal reaches the removed (delivery G9).
 */
export class Delivery {
  readonly #feeds = new Map<string, Feed>()
  readonly #readers = new Map<string, Reader>()
  readonly #feedsOf = new Map<string, Set<Feed>>()
  readonly #arrivals = new Arrivals()
  #closed = false
  readonly #services: Pick<Services, 'db' | 'log'>
  readonly #log: LogReader

  constructor(services: Pick<Services, 'db' | 'log'>) {
    this.#services = services
    this.#log = new LogReader(services)
  }

  /** Takes in a hint: a write has committed. */
  hint({ workspaceId, conversationId, from, seq, joined, fresh }: Hint): void {
    const key = pairKey(workspaceId, conversationId)
    this.#arrivals.note(key, seq)
    const concerned = joined.some((userId) => this.#readers.has(pairKey(workspaceId, userId)))
    const feed = this.#feeds.get(key) ?? (concerned ? this.#open(workspaceId, conversationId, from) : undefined)
    if (!feed) return
    feed.hinted = Math.max(feed.hinted, seq)
    if (fresh && feed.fresh.size < freshKept) feed.fresh.set(from, batchOf(conversationId, fresh))
    void this.#run(feed)
  }

  /**
   * Passes an ephemeral event to those in the conversation, once delivery has come as far as its sender: a removal that he knew
   * of is applied first. Of several that wait, the last of each kind and person is enough.
   */
  signal(signal: Signal): void {
    const feed = this.#feeds.get(pairKey(signal.workspaceId, signal.conversationId))
    if (!feed) return
    if (feed.delivered >= signal.position) this.#pass(feed, signal)
    else feed.waiting.set(pairKey(signal.type, signal.userId), signal)
  }

  /** Makes a person known here. */
  arrive(reader: Reader): void {
    this.#readers.set(pairKey(reader.workspaceId, reader.userId), reader)
  }

  /** Forgets a person whose last socket has gone. */
  depart(reader: Reader): void {
    const key = pairKey(reader.workspaceId, reader.userId)
    this.#readers.delete(key)
    for (const feed of this.#feedsOf.get(key) ?? []) this.#unplace(feed, reader)
  }

  /**
   * Places a reader into all conversations he is in. Hints that arrive while memberships are read are kept, so that nothing falls
   * between the reading and the placing.
   * @param reader a person who has arrived
   * @param read reads all memberships at one moment
   * @param reread reads one membership again, where delivery has moved past that moment; null when there is none any more
   * @returns the answer, and conversations that moved on before the reader was placed: what came in between must be fetched
   */
  async place<Answer extends { readonly memberships: readonly Membership[] }>(
    reader: Reader,
    read: () => Promise<Answer>,
    reread: (conversationId: string) => Promise<Membership | null>,
  ): Promise<{ answer: Answer; moved: string[] }> {
    const arrival = this.#arrivals.begin()
    try {
      const answer = await read()
      const moved: string[] = []
      for (const membership of answer.memberships) {
        if (this.#enter(reader, membership)) continue
        moved.push(membership.conversationId)
        let current = await reread(membership.conversationId)
        while (current && !this.#enter(reader, current)) current = await reread(membership.conversationId)
      }
      return { answer, moved }
    } finally {
      this.#arrivals.end(arrival)
    }
  }

  /** People with sockets here who share a conversation with someone who is here, without himself. */
  companions(workspaceId: string, userId: string): Reader[] {
    return peopleOf(this.#feedsOf.get(pairKey(workspaceId, userId)) ?? [], userId)
  }

  /** People with sockets here who are in one of these conversations, without the one they are of. */
  companionsIn(workspaceId: string, userId: string, conversationIds: readonly string[]): Reader[] {
    return peopleOf(
      conversationIds.flatMap((id) => this.#feeds.get(pairKey(workspaceId, id)) ?? []),
      userId,
    )
  }

  /** Sends an ephemeral event to some people. */
  tell(readers: readonly Reader[], type: string, payload: object): void {
    const frame = frameOf({ type, payload })
    for (const reader of readers) pushTo(reader, frame)
  }

  /** How far a conversation is delivered here; null for who is not in it at that point. */
  positionOf(workspaceId: string, conversationId: string, userId: string): number | null {
    const feed = this.#feeds.get(pairKey(workspaceId, conversationId))
    return feed?.places.has(userId) ? feed.delivered : null
  }

  /** Delivers nothing any more. */
  close(): void {
    this.#closed = true
  }

  #open(workspaceId: string, conversationId: string, delivered: number): Feed {
    const key = pairKey(workspaceId, conversationId)
    const hinted = Math.max(delivered, this.#arrivals.seqOf(key))
    const feed: Feed = {
      key,
      workspaceId,
      conversationId,
      places: new Map(),
      waiting: new Map(),
      told: new Map(),
      fresh: new Map(),
      delivered,
      hinted,
      running: false,
    }
    this.#feeds.set(key, feed)
    return feed
  }

  #enter(reader: Reader, { conversationId, seq, fromSeq }: Membership): boolean {
    const known = this.#feeds.get(pairKey(reader.workspaceId, conversationId))
    if (known && known.delivered > seq) return false
    const feed = known ?? this.#open(reader.workspaceId, conversationId, seq)
    this.#put(feed, reader, fromSeq)
    void this.#run(feed)
    return true
  }

  #put(feed: Feed, reader: Reader, fromSeq: number): void {
    const key = pairKey(reader.workspaceId, reader.userId)
    if (this.#readers.get(key) !== reader) return
    feed.places.set(reader.userId, { reader, fromSeq })
    const feeds = this.#feedsOf.get(key)
    if (feeds) feeds.add(feed)
    else this.#feedsOf.set(key, new Set([feed]))
  }

  #unplace(feed: Feed, reader: Pick<Reader, 'workspaceId' | 'userId'>): void {
    const key = pairKey(reader.workspaceId, reader.userId)
    feed.places.delete(reader.userId)
    const feeds = this.#feedsOf.get(key)
    feeds?.delete(feed)
    if (feeds?.size === 0) this.#feedsOf.delete(key)
    this.#dropIfIdle(feed)
  }

  /** What is still to be read may place somebody. */
  #dropIfIdle(feed: Feed): void {
    if (feed.places.size === 0 && !feed.running && feed.hinted <= feed.delivered) this.#feeds.delete(feed.key)
  }

  async #run(feed: Feed): Promise<void> {
    if (feed.running) return
    feed.running = true
    try {
      while (feed.hinted > feed.delivered && !this.#closed) await this.#advance(feed)
    } catch (error) {
      this.#services.log.warn({ error, conversationId: feed.conversationId }, 'delivery will try again')
      setTimeout(() => this.#feeds.get(feed.key) === feed && void this.#run(feed), retryDelay).unref()
    } finally {
      feed.running = false
      this.#dropIfIdle(feed)
    }
  }

  async #advance(feed: Feed): Promise<void> {
    const { workspaceId, conversationId, delivered } = feed
    const batch = feed.fresh.get(delivered) ?? (await this.#log.read(workspaceId, { conversationId, after: delivered }))
    if (batch.changes.length === 0) feed.hinted = feed.delivered
    for (const change of batch.changes) {
      if (change.type === 'conversation-created') await this.#gather(feed, batch)
      if (change.type === 'participant-added') this.#welcome(feed, batch, change.entity_id)
      this.#deliver(feed, batch, change)
      if (change.type === 'participant-removed') this.#unplace(feed, { workspaceId, userId: change.entity_id })
      feed.delivered = change.seq
    }
    for (const from of feed.fresh.keys()) if (from < feed.delivered) feed.fresh.delete(from)
    this.#passWaiting(feed)
  }

  #passWaiting(feed: Feed): void {
    for (const [key, signal] of feed.waiting) {
      if (signal.position > feed.delivered) continue
      feed.waiting.delete(key)
      this.#pass(feed, signal)
    }
  }

  #pass(feed: Feed, signal: Signal): void {
    for (const line of ['team', 'public'] as const) {
      const payload = signal[line]
      if (!payload || isTold(feed, signal, line)) continue
      const frame = frameOf({ type: signal.type, payload })
      for (const { reader } of feed.places.values()) if (reader.line === line) pushTo(reader, frame)
    }
  }

  async #gather(feed: Feed, batch: Batch): Promise<void> {
    const members = await readMembers(this.#services, feed.workspaceId, feed.conversationId)
    for (const [userId, fromSeq] of members) {
      const reader = this.#readers.get(pairKey(feed.workspaceId, userId))
      if (reader && admits(batch, reader)) this.#put(feed, reader, fromSeq)
    }
  }

  #welcome(feed: Feed, batch: Batch, userId: string): void {
    const reader = this.#readers.get(pairKey(feed.workspaceId, userId))
    const participant = batch.entities.participants.get(userId)
    if (reader && participant && admits(batch, reader)) this.#put(feed, reader, participant.from_seq)
  }

  #deliver(feed: Feed, batch: Batch, change: ChangeRow): void {
    const reach = reachOf(change, batch)
    const frames = new Map<string, Frame | null>()
    for (const { reader, fromSeq } of feed.places.values()) {
      const viewer: Viewer = { line: reader.line, fromSeq: fromSeq > reach ? fromSeq : 0 }
      const key = viewer.fromSeq === 0 ? viewer.line : `${viewer.line}:${viewer.fromSeq}`
      let frame = frames.get(key)
      if (frame === undefined) {
        const event = toEvent(change, batch.entities, viewer)
        frame = event && frameOf({ type: event.type, payload: event })
        frames.set(key, frame)
      }
      if (frame) pushTo(reader, frame)
    }
  }
}
