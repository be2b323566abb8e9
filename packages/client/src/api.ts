import type { Audience, Me, Message, OperationInput, Profile } from '@parley/protocol'
import type { Clock, Random } from './clock.ts'
import type { OutboxStorage } from './outbox-storage.ts'
import type { ListFilter, State } from './state.ts'
import type { Store } from './store.ts'

/** What a client needs to know. */
export interface ClientOptions {
  /** Where the server is, such as `https://chat.example.com`, without a path; empty: where the page came from. */
  readonly serverUrl: string
  /**
   * Gives a token that the host signed for its user. Called again when a token is refused or about to end.
   * Without it the session cookie is used.
   */
  readonly getToken?: () => Promise<string>
  /** Where unsent messages and drafts are kept; IndexedDB in browsers, memory elsewhere. */
  readonly storage?: OutboxStorage
  readonly clock?: Clock
  readonly random?: Random
}

/** What to send. */
export interface MessageDraft {
  readonly text: string
  /** Who may see it; everyone in the conversation when left out. */
  readonly audience?: Audience
  /** The message it cites. */
  readonly replyTo?: Message
}

/** Signing in with the session cookie. Hosts that give tokens need none of it. */
export interface SessionMethods {
  /** Whether a host says who is signed in, by its tokens: then there is nothing to sign in to here. */
  readonly ofHost: boolean
  /**
   * Starts a session and connects.
   * @throws ParleyError `credentials_invalid`, `rate_limited`
   */
  signIn(input: OperationInput<'signIn'>): Promise<Me>
  /**
   * Starts a session with a one-time link and connects.
   * @throws ParleyError `link_used`
   */
  signInWithLink(token: string): Promise<Me>
  /** Ends the session. All local data is erased first, whatever the server answers. */
  signOut(): Promise<void>
}

/** People. */
export interface UserMethods {
  /** People whose name holds a text, the first page by name. They enter `state.users` as well. */
  search(q: string): Promise<Profile[]>
  /** Loads profiles that are not in `state.users` yet. */
  load(ids: readonly string[]): Promise<void>
}

/** Conversations and lists of them. */
export interface ConversationMethods {
  /** Loads the first page of a list into `state.lists[listKey(filter)]`; it is kept current from then on. */
  load(filter: ListFilter): Promise<void>
  /** Loads the next page of a list; nothing when there is none, or when it is on its way. */
  loadMore(filter: ListFilter): Promise<void>
  /** Makes a conversation and its newest messages present; asks the server only for what is missing. */
  open(conversationId: string): Promise<void>
  /**
   * Starts a conversation.
   * @returns its id
   */
  create(input: OperationInput<'createConversation'>): Promise<string>
  /** Changes subject, context or status. */
  update(conversationId: string, patch: Omit<OperationInput<'updateConversation'>, 'conversationId'>): Promise<void>
}

/** The people in a conversation. */
export interface ParticipantMethods {
  /** Loads the first page into `state.participants[conversationId]`, which is kept current from then on. */
  load(conversationId: string): Promise<void>
  /** Loads the next page; nothing when there is none. */
  loadMore(conversationId: string): Promise<void>
  add(conversationId: string, input: Omit<OperationInput<'addParticipant'>, 'conversationId'>): Promise<void>
  update(conversationId: string, input: Omit<OperationInput<'updateParticipant'>, 'conversationId'>): Promise<void>
  /** Removes somebody, or leaves. */
  remove(conversationId: string, userId: string): Promise<void>
}

/** Messages. Loading goes into `state.timelines`; a refusal is also kept there. */
export interface MessageMethods {
  /** Loads the newest page, unless the end is loaded already. */
  loadLatest(conversationId: string): Promise<void>
  /** Loads the page before what is loaded. */
  loadBefore(conversationId: string): Promise<void>
  /** Loads the page after what is loaded. */
  loadAfter(conversationId: string): Promise<void>
  /** Loads messages around a position, next to what is loaded if they touch, otherwise instead of it. */
  loadAround(conversationId: string, seq: number): Promise<void>
  /**
   * Sends a message: it is in `state.outbox` when this returns, survives a reload, and is stored exactly once. While it is not known who is
   * signed in, it is in memory only.
   * @returns its client key
   */
  send(conversationId: string, draft: MessageDraft): string
  /** The key of what this client sent last, and not another tab of it; null before that. */
  readonly lastSent: string | null
  /** Sends a failed message again, under the same key. */
  retry(conversationId: string, clientKey: string): void
  /** Takes a message out of the outbox. One that is on its way may have been stored. */
  discard(conversationId: string, clientKey: string): void
  /**
   * Changes the text of an own message; shown at once, taken back on refusal.
   * @throws ParleyError of the refusal
   */
  edit(messageId: string, conversationId: string, text: string): Promise<void>
  /**
   * Deletes a message; shown at once, taken back on refusal.
   * @throws ParleyError of the refusal
   */
  remove(messageId: string, conversationId: string): Promise<void>
  /**
   * Calls the listener for every message that comes in from now on, whoever sent it and whether its conversation is loaded: once, in the order of
   * its conversation, after the state has it. What was missed while the connection was away comes when it is back, of the conversations that are loaded; not so
   * what the client leaps over because it was too much, and what is loaded as history.
   * @returns stops listening
   */
  onNew(listener: (message: Message) => void): () => void
}

/** Read marks. */
export interface ReadMethods {
  /** Says that everything up to a position is read; shown at once, told to the server at most once a second. */
  markRead(conversationId: string, seq: number): void
}

/** Telling others that one writes. */
export interface TypingMethods {
  /** To be called on every key; tells the others at most every 2 s, and stops by itself after 3 s. */
  input(conversationId: string, audience: Audience): void
  stop(conversationId: string): void
}

/** Telling others whether one is at the screen. */
export interface PresenceMethods {
  set(state: 'online' | 'away'): void
}

/** Texts not sent yet, one for each conversation and audience. */
export interface DraftMethods {
  /** The draft; empty when there is none. */
  get(conversationId: string, audience: Audience): string
  /** Keeps a draft in `state.drafts` and on the device. Empty text removes it. */
  set(conversationId: string, audience: Audience, text: string): void
  /** Keeps for whom one writes in a conversation, next to its drafts: {@link selectAudience} tells it. */
  choose(conversationId: string, audience: Audience): void
}

/** A connection to Parley, with everything it knows in `store`. All methods reject with a ParleyError. */
export interface ParleyClient {
  readonly store: Store<State>
  /**
   * Finds out who is signed in, restores unsent messages and drafts, and keeps a live connection from then on. Repeating it changes nothing.
   * @returns when it is known who is signed in, or that nobody is; while the server cannot be reached it waits, and `state.connection.error`
   *   says why
   */
  start(): Promise<void>
  /** Ends the connection for good, after what must be kept is kept. */
  close(): Promise<void>
  /** Tries to connect now instead of at `retryAt`. */
  reconnectNow(): void
  readonly session: SessionMethods
  readonly users: UserMethods
  readonly conversations: ConversationMethods
  readonly participants: ParticipantMethods
  readonly messages: MessageMethods
  readonly reads: ReadMethods
  readonly typing: TypingMethods
  readonly presence: PresenceMethods
  readonly drafts: DraftMethods
}
