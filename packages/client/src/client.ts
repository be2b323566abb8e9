import type { ConversationSnapshot, DurableEvent, Message } from '@parley/protocol'
import type { ClientOptions, ParleyClient } from './api.ts'
import { emptyPeople } from './apply.ts'
import { Arrivals } from './arrivals.ts'
import { type Clock, createKeys, type Random, systemClock, systemRandom } from './clock.ts'
import { forEachOf } from './concurrent.ts'
import { Connection, type Link } from './connection.ts'
import { Conversations } from './conversations.ts'
import { type Credentials, cookieCredentials, tokenCredentials } from './credentials.ts'
import { Drafts } from './drafts.ts'
import { type Call, createCall } from './http.ts'
import { toParleyError, unreachable } from './http-errors.ts'
import { Live } from './live.ts'
import { Messages } from './messages.ts'
import { Outbox } from './outbox.ts'
import { indexedDbStorage } from './outbox-indexeddb.ts'
import { memoryStorage, type OutboxStorage } from './outbox-storage.ts'
import { Participants } from './participants.ts'
import { PresenceSignals } from './presence.ts'
import { Reads } from './reads.ts'
import { Resume } from './resume.ts'
import { readServerUrl } from './server-url.ts'
import { SessionControl } from './session.ts'
import { browserSignals, type Signals } from './signals.ts'
import { initialState, type Pending, type State } from './state.ts'
import { createStore, type WritableStore } from './store.ts'
import { Sync } from './sync.ts'
import { emptyTimeline } from './timeline.ts'
import { TypingSignals } from './typing.ts'
import { peopleOf, Users } from './users.ts'

const eventGrace = 2_000
const reopenAtOnce = 4

/** What every slice is made with. */
interface Ground {
  readonly store: WritableStore<State>
  readonly clock: Clock
  readonly random: Random
  readonly storage: OutboxStorage
  readonly credentials: Credentials
  readonly signals: Signals
}

function groundOf({ getToken, storage, clock = systemClock, random = systemRandom }: ClientOptions): Ground {
  return {
    store: createStore(initialState),
    clock,
    random,
    storage: storage ?? (typeof indexedDB === 'undefined' ? memoryStorage() : indexedDbStorage()),
    credentials: getToken ? tokenCredentials(getToken, clock) : cookieCredentials,
    signals: browserSignals(),
  }
}

/** Composes the slices: the only file that knows all of them. */
class Client implements ParleyClient {
  readonly store: WritableStore<State>
  readonly session: SessionControl
  readonly users: Users
  readonly conversations: Conversations
  readonly participants: Participants
  readonly messages: Messages
  readonly reads: Reads
  readonly typing: TypingSignals
  readonly presence: PresenceSignals
  readonly drafts: Drafts
  readonly #ground: Ground
  readonly #outbox: Outbox
  readonly #sync: Sync
  readonly #arrivals: Arrivals
  readonly #resume: Resume
  readonly #live: Live
  readonly #connection: Connection
  readonly #stopListening: () => void
  /** Rises when what is loaded is given up: answers to older questions are of no interest then. */
  #generation = 0

  constructor(options: ClientOptions) {
    const ground = groundOf(options)
    const { store, storage, signals } = ground
    const serverUrl = readServerUrl(options.serverUrl)
    this.#ground = ground
    this.store = store
    const ask = this.#createAsk(serverUrl)
    const call = this.#guarded(ask)
    const parts = { ...ground, call, onChanged: (id: string) => this.#changed(id) }
    this.users = new Users(parts)
    this.#sync = this.#createSync(call)
    this.#outbox = new Outbox({ ...ground, transport: transportOf(call), onStored: (one) => this.#stored(one) })
    this.reads = new Reads({ ...parts, onUnsure: (id) => this.#sync.loadLater(id) })
    this.messages = this.#createMessages(parts)
    this.conversations = this.#createConversations(parts)
    this.participants = new Participants({ ...parts, sync: this.#sync, users: this.users })
    this.drafts = new Drafts(ground)
    this.typing = new TypingSignals({ ...ground, tell: (name, input) => this.#live.tell(name, input) })
    this.presence = new PresenceSignals({ store, tell: (name, input) => this.#live.tell(name, input) })
    this.#arrivals = new Arrivals({
      ...ground,
      load: (id) => this.#sync.loadLater(id),
      reloadLists: () => this.conversations.refresh(),
    })
    this.#resume = new Resume({
      store,
      sync: this.#sync,
      reloadLists: () => this.conversations.refresh(),
      startOver: (epoch) => this.#startOver(epoch),
    })
    this.#live = this.#createLive(serverUrl)
    this.#connection = this.#createConnection()
    this.session = new SessionControl({
      ...ground,
      serverUrl,
      ofHost: options.getToken !== undefined,
      call: ask,
      connection: this.#connection,
      outbox: this.#outbox,
      drafts: this.drafts,
      erase: () => storage.erase(),
      reset: () => this.#reset(),
      startOver: (epoch) => this.#startOver(epoch),
    })
    this.#stopListening = signals.onWake(() => this.#live.wake())
  }

  start(): Promise<void> {
    return this.session.start()
  }

  async close(): Promise<void> {
    this.#stopListening()
    this.#connection.close()
    this.session.close()
    this.#reset()
    await Promise.all([this.#outbox.close(), this.drafts.close()])
  }

  reconnectNow(): void {
    this.#connection.now()
    this.#outbox.kick()
  }

  #createAsk(serverUrl: string): Call {
    return createCall({
      ...this.#ground,
      serverUrl,
      viewer: () => this.session.viewer(),
      age: () => this.session.age,
      onUnauthenticated: (age) => this.session.expire(age),
      onViewerChanged: () => this.#identifyAgain(),
    })
  }

  /** The same calls, but an answer that belongs to what was given up meanwhile counts as a failure. */
  #guarded(ask: Call): Call {
    return async (name, input) => {
      const generation = this.#generation
      const answer = await ask(name, input)
      if (generation !== this.#generation) throw unreachable('superseded')
      return answer
    }
  }

  #createSync(call: Call): Sync {
    return new Sync({
      ...this.#ground,
      call,
      onApplied: (events) => this.#applied(events),
      onUnknown: (event) => this.messages.heard([event]),
      onProfiles: (users) => this.users.put(users),
      onMoved: (id) => this.#arrivals.meet(id),
      onEntered: (id) => {
        this.reads.entered(id)
        this.messages.entered(id)
      },
      onLeapt: (id) => void this.#loadAgain(id),
      onForeign: (epoch) => void this.#startOver(epoch).catch(() => {}),
    })
  }

  #createMessages(parts: Ground & { call: Call; onChanged: (conversationId: string) => void }): Messages {
    return new Messages({
      ...parts,
      sync: this.#sync,
      users: this.users,
      outbox: this.#outbox,
      newKey: createKeys(parts.clock, parts.random),
      onSent: (id) => this.typing.stop(id),
    })
  }

  #createConversations(parts: Ground & { call: Call; onChanged: (conversationId: string) => void }): Conversations {
    return new Conversations({
      ...parts,
      sync: this.#sync,
      users: this.users,
      newKey: createKeys(parts.clock, parts.random),
      openMessages: (id) => this.messages.open(id),
      onLoaded: (snapshots) => this.#loaded(snapshots),
    })
  }

  #createLive(serverUrl: string): Live {
    return new Live({
      ...this.#ground,
      serverUrl,
      sync: this.#sync,
      resume: this.#resume,
      reads: this.reads,
      typing: this.typing,
      presence: this.presence,
      viewer: () => this.session.viewer(),
      onSessionEnded: (reason) => {
        if (reason === 'expired') this.session.doubt()
        else this.session.forget().catch(() => {})
      },
      onRenewal: () => this.#connection.renew(),
    })
  }

  #createConnection(): Connection {
    return new Connection({
      ...this.#ground,
      dial: () => this.#dial(),
      onState: (connection) => {
        this.store.update((state) => ({ ...state, connection }))
        if (connection.status === 'online') this.#online()
      },
      onRefused: () => this.session.expire(),
    })
  }

  async #dial(): Promise<Link> {
    await this.session.identify()
    try {
      return await this.#live.dial()
    } catch (error) {
      if (toParleyError(error).code === 'viewer_changed') this.session.doubt()
      throw error
    }
  }

  /** Somebody else is signed in by now: the next connection begins by finding out who. */
  #identifyAgain(): void {
    this.session.doubt()
    this.#connection.renew()
    this.#connection.now()
  }

  #online(): void {
    this.users.askAgain()
    this.reads.resume()
    this.presence.repeat()
    this.#outbox.kick()
  }

  #applied(events: readonly DurableEvent[]): void {
    this.users.need(events.flatMap(peopleOf))
    this.messages.heard(events)
    const own = this.store.getState().session.me?.user.id
    for (const event of events) {
      if (event.type !== 'new-message' || event.data.message.senderId === own) continue
      this.reads.markDelivered(event.conversationId, event.seq)
    }
  }

  #loaded(snapshots: readonly ConversationSnapshot[]): void {
    for (const { conversation, lastMessage, unread } of snapshots) {
      if (unread > 0 && lastMessage) this.reads.markDelivered(conversation.id, lastMessage.seq)
    }
  }

  /** A message is stored. Its event shows the rest; should it not come, it is fetched. */
  #stored({ conversationId, seq }: Message): void {
    this.#ground.clock.after(this.#isOnline() ? eventGrace : 0, () => {
      if ((this.#sync.have(conversationId) ?? seq) < seq) this.#sync.fetchLater(conversationId, seq)
    })
  }

  /** A change was made. Without a live connection its event has to be fetched. */
  #changed(conversationId: string): void {
    const have = this.#sync.have(conversationId)
    if (have !== undefined && !this.#isOnline()) this.#sync.fetchLater(conversationId, have + 1)
  }

  #isOnline(): boolean {
    return this.store.getState().connection.status === 'online'
  }

  /** Gives up what is under way, for whatever was loaded. */
  #reset(): void {
    this.#generation += 1
    this.#sync.reset()
    this.#arrivals.reset()
    this.#resume.reset()
    this.messages.reset()
    this.users.reset()
    this.reads.reset()
    this.typing.reset()
  }

  /** Loads again what was loaded of a conversation. */
  async #loadAgain(conversationId: string): Promise<void> {
    const { timelines, participants } = this.store.getState()
    await Promise.allSettled([
      timelines[conversationId] && this.messages.open(conversationId),
      participants[conversationId] && this.participants.load(conversationId),
    ])
  }

  /** Loads everything that was loaded as if for the first time (architecture S2). */
  async #startOver(epoch: string): Promise<void> {
    this.#reset()
    const generation = this.#generation
    this.store.update((state) => startedOver(state, epoch))
    const { timelines, participants } = this.store.getState()
    const shown = new Set([...Object.keys(timelines), ...Object.keys(participants)])
    try {
      await this.conversations.reload()
    } finally {
      const current = generation === this.#generation
      if (current) void forEachOf(shown, reopenAtOnce, (id) => this.#loadAgain(id))
    }
  }
}

function startedOver(state: State, epoch: string): State {
  const { me } = state.session
  const lists = Object.entries(state.lists).map(([key, list]) => [key, { ...list, ids: [], nextCursor: null }])
  return {
    ...state,
    session: { ...state.session, me: me && { ...me, epoch } },
    lists: Object.fromEntries(lists),
    conversations: {},
    timelines: Object.fromEntries(Object.keys(state.timelines).map((id) => [id, emptyTimeline])),
    participants: Object.fromEntries(Object.keys(state.participants).map((id) => [id, emptyPeople])),
  }
}

function transportOf(call: Call): (pending: Pending) => Promise<Message> {
  return async ({ conversationId, clientKey, text, audience, quote }) => {
    const replyTo = quote === null ? {} : { replyTo: quote.messageId }
    return (await call('sendMessage', { conversationId, clientKey, text, audience, ...replyTo })).message
  }
}

/**
 * Creates a client. Nothing happens before `start()`.
 * @param options where the server is and how to show who one is
 * @throws ParleyError `invalid` for a `serverUrl` that is no address of a server
 */
export function createClient(options: ClientOptions): ParleyClient {
  return new Client(options)
}
