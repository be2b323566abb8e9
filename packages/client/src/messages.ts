import type { DurableEvent, Message, OperationOutput, ParleyError } from '@parley/protocol'
import type { MessageDraft, MessageMethods } from './api.ts'
import { confirm, putTimeline, recount, showMessage } from './apply.ts'
import { type Clock, toInstant } from './clock.ts'
import type { Call } from './http.ts'
import { isSuperseded, toParleyError } from './http-errors.ts'
import { Incoming } from './incoming.ts'
import type { Outbox } from './outbox.ts'
import { type State, type Timeline, withoutEntry } from './state.ts'
import type { WritableStore } from './store.ts'
import type { Sync } from './sync.ts'
import {
  emptyTimeline,
  failedTimeline,
  foldTimeline,
  joinPage,
  type PagePlace,
  pageTimeline,
  quoteOf,
} from './timeline.ts'
import { peopleIn, type Users } from './users.ts'

/** What messages are loaded, sent and changed with. */
export interface MessageParts {
  readonly store: WritableStore<State>
  readonly call: Call
  readonly clock: Clock
  readonly sync: Sync
  readonly users: Users
  readonly outbox: Outbox
  /** A key that sorts after another one. */
  readonly newKey: (after?: string) => string
  /** A change was made that its event must show soon. */
  readonly onChanged: (conversationId: string) => void
  /** A message was sent: nothing is being typed any more. */
  readonly onSent: (conversationId: string) => void
}

type Page = OperationOutput<'listMessages'>

/** A change of a message on its way: the message as it was, and as it is shown. */
interface Change {
  before: Message
  readonly shown: Message
}

const timelinesKept = 20

/** Messages of conversations. */
export class Messages implements MessageMethods {
  readonly #parts: MessageParts
  /** Pages on their way, by conversation and place. */
  readonly #loading = new Map<string, Promise<void>>()
  readonly #changes = new Set<Change>()
  readonly #incoming = new Incoming()
  /** Conversations whose messages are shown or were, the one used last at the end. */
  readonly #recent = new Set<string>()
  lastSent: string | null = null

  constructor(parts: MessageParts) {
    this.#parts = parts
  }

  /** Makes the newest messages present, or keeps what is there and in step. */
  async open(conversationId: string): Promise<void> {
    if (this.#timeline(conversationId)?.status === 'ready') this.#use(conversationId)
    else await this.loadLatest(conversationId)
  }

  onNew(listener: (message: Message) => void): () => void {
    return this.#incoming.listen(listener)
  }

  /** Events have come, in their order, and are applied where their conversation is here. */
  heard(events: readonly DurableEvent[]): void {
    this.#incoming.hear(events)
  }

  async loadLatest(conversationId: string): Promise<void> {
    const timeline = this.#timeline(conversationId)
    if (timeline?.status === 'ready' && !timeline.hasAfter) return
    await this.#load(conversationId, { at: 'latest' })
  }

  async loadBefore(conversationId: string): Promise<void> {
    const timeline = this.#timeline(conversationId)
    const first = timeline?.items[0]
    if (timeline?.hasBefore && first) await this.#load(conversationId, { at: 'before', seq: first.seq })
  }

  async loadAfter(conversationId: string): Promise<void> {
    const timeline = this.#timeline(conversationId)
    const last = timeline?.items.at(-1)
    if (timeline?.hasAfter && last) await this.#load(conversationId, { at: 'after', seq: last.seq })
  }

  async loadAround(conversationId: string, seq: number): Promise<void> {
    await this.#load(conversationId, { at: 'around', seq })
  }

  send(conversationId: string, { text, audience = 'everyone', replyTo }: MessageDraft): string {
    const { clock, newKey, onSent, outbox, store } = this.#parts
    const clientKey = newKey(store.getState().outbox[conversationId]?.at(-1)?.clientKey)
    const quote = replyTo ? quoteOf(replyTo) : null
    const createdAt = toInstant(clock.now())
    this.lastSent = clientKey
    outbox.add({ clientKey, conversationId, text, audience, quote, createdAt, status: 'queued', error: null })
    onSent(conversationId)
    return clientKey
  }

  retry(conversationId: string, clientKey: string): void {
    this.#parts.outbox.retry(conversationId, clientKey)
  }

  discard(conversationId: string, clientKey: string): void {
    this.#parts.outbox.discard(conversationId, clientKey)
  }

  async edit(messageId: string, conversationId: string, text: string): Promise<void> {
    const editedAt = toInstant(this.#parts.clock.now())
    await this.#change(
      messageId,
      conversationId,
      (message) => ({ ...message, text, editedAt }),
      () => this.#parts.call('editMessage', { messageId, text }),
    )
  }

  async remove(messageId: string, conversationId: string): Promise<void> {
    const deletedAt = toInstant(this.#parts.clock.now())
    const deletedBy = this.#parts.store.getState().session.me?.user.id ?? null
    const bury = (message: Message): Message => ({ ...message, text: '', quote: null, deletedAt, deletedBy })
    await this.#change(messageId, conversationId, bury, () => this.#parts.call('deleteMessage', { messageId }))
  }

  /** A conversation is here, perhaps again: its messages follow if they were shown before it went. */
  entered(conversationId: string): void {
    if (this.#recent.has(conversationId) && !this.#timeline(conversationId)) this.open(conversationId).catch(() => {})
  }

  /** Forgets what is loading, and what was heard. */
  reset(): void {
    this.#loading.clear()
    this.#recent.clear()
    this.#incoming.reset()
  }

  #timeline(conversationId: string): Timeline | undefined {
    return this.#parts.store.getState().timelines[conversationId]
  }

  #find(messageId: string, conversationId: string): Message | undefined {
    const loaded = this.#timeline(conversationId)?.items.find(({ id }) => id === messageId)
    const last = this.#parts.store.getState().conversations[conversationId]?.lastMessage
    return loaded ?? (last?.id === messageId ? last : undefined)
  }

  /** Shows a change, makes it, and shows what has become of it. */
  async #change(
    messageId: string,
    conversationId: string,
    apply: (message: Message) => Message,
    make: () => Promise<{ readonly message: Message }>,
  ): Promise<void> {
    const { store, onChanged } = this.#parts
    const before = this.#find(messageId, conversationId)
    const change = before && { before, shown: apply(before) }
    if (change) {
      this.#changes.add(change)
      store.update((state) => showMessage(state, change.shown))
    }
    try {
      const { message } = await make()
      if (change) this.#settle(change, message)
      onChanged(conversationId)
    } catch (thrown) {
      if (change) this.#settle(change, change.before)
      throw toParleyError(thrown)
    }
  }

  /** Shows what a change has come to, unless something else has changed the message since; later changes start from there. */
  #settle(change: Change, message: Message): void {
    const { shown } = change
    this.#changes.delete(change)
    for (const later of this.#changes) if (later.before === shown) later.before = message
    const isStillShown = this.#find(shown.id, shown.conversationId) === shown
    if (isStillShown) this.#parts.store.update((state) => showMessage(state, message))
  }

  async #load(conversationId: string, place: PagePlace): Promise<void> {
    const key = JSON.stringify([conversationId, place.at, place.at === 'around' ? place.seq : 0])
    const running = this.#loading.get(key)
    if (running !== undefined) return running
    const loading = this.#loadPage(conversationId, place).finally(() => {
      if (this.#loading.get(key) === loading) this.#loading.delete(key)
    })
    this.#loading.set(key, loading)
    return loading
  }

  async #loadPage(conversationId: string, place: PagePlace): Promise<void> {
    this.#use(conversationId)
    this.#show(conversationId, (timeline = emptyTimeline) => ({
      ...timeline,
      error: null,
      ...busy(timeline, place, true),
    }))
    try {
      await this.#takePage(conversationId, place)
      this.#show(conversationId, (timeline) => timeline && { ...timeline, ...busy(timeline, place, false) })
    } catch (thrown) {
      const error = toParleyError(thrown)
      if (isSuperseded(error) && this.#isWanted(conversationId)) return this.open(conversationId)
      if (!isSuperseded(error)) this.#show(conversationId, (known) => failed(known, place, error))
      throw error
    }
  }

  /** Whether a conversation is to be shown, now that what was loaded of it has been given up. */
  #isWanted(conversationId: string): boolean {
    const { timelines, connection } = this.#parts.store.getState()
    return Object.hasOwn(timelines, conversationId) && connection.status !== 'closed'
  }

  async #takePage(conversationId: string, place: PagePlace): Promise<void> {
    const { store, sync, users } = this.#parts
    const ask = () => this.#fetch(conversationId, place)
    await sync.read(conversationId, ask, (page, events) => {
      users.put(page.users)
      users.need(page.items.flatMap(peopleIn))
      const timeline = events.reduce(foldTimeline, pageTimeline(page, place))
      store.update((state) => withPage(state, conversationId, timeline, place))
    })
  }

  #show(conversationId: string, change: (timeline: Timeline | undefined) => Timeline | undefined): void {
    this.#parts.store.update((state) => {
      const timeline = change(state.timelines[conversationId])
      return timeline ? putTimeline(state, conversationId, timeline) : state
    })
  }

  #fetch(conversationId: string, place: PagePlace): Promise<Page> {
    const { call } = this.#parts
    switch (place.at) {
      case 'latest':
        return call('listMessages', { conversationId })
      case 'before':
        return call('listMessages', { conversationId, before: place.seq })
      case 'after':
        return call('listMessages', { conversationId, after: place.seq })
      case 'around':
        return call('listMessages', { conversationId, around: place.seq })
    }
  }

  /** Remembers what was used last and lets go of messages nobody has looked at for long. */
  #use(conversationId: string): void {
    this.#recent.delete(conversationId)
    this.#recent.add(conversationId)
    const [oldest] = this.#recent
    if (this.#recent.size <= timelinesKept || oldest === undefined) return
    this.#recent.delete(oldest)
    this.#parts.store.update((state) => ({ ...state, timelines: withoutEntry(state.timelines, oldest) }))
  }
}

/** What a timeline shows of a page on its way. */
function busy(timeline: Timeline, { at }: PagePlace, loading: boolean): Partial<Timeline> {
  if (at === 'before') return { loadingBefore: loading }
  if (at === 'after') return { loadingAfter: loading }
  return loading && timeline.status === 'error' ? { status: 'loading' } : {}
}

/** What is shown after a page could not be loaded. One that was to join an end which has gone is of no interest any more. */
function failed(known: Timeline | undefined, place: PagePlace, error: ParleyError): Timeline | undefined {
  const joins = place.at === 'before' || place.at === 'after'
  const timeline = known ?? (joins ? undefined : emptyTimeline)
  return timeline && failedTimeline({ ...timeline, ...busy(timeline, place, false) }, error)
}

function withPage(state: State, conversationId: string, read: Timeline, place: PagePlace): State {
  const timeline = joinPage(state.timelines[conversationId], read, place)
  const next = putTimeline(state, conversationId, timeline)
  return recount(confirm(next, conversationId, timeline.items), conversationId)
}
