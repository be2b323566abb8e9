import type {
  Audience,
  ConversationSnapshot,
  ErrorCode,
  Me,
  Message,
  OperationInput,
  ParleyError,
  Participant,
  PresenceState,
  Profile,
  Quote,
} from '@parley/protocol'

/** Where the live connection stands. `retryAt` is in milliseconds of the client's clock; `error` is why the last try failed, null before it. */
export type Connection =
  | { readonly status: 'idle' }
  | { readonly status: 'connecting' }
  | { readonly status: 'online' }
  | {
      readonly status: 'reconnecting'
      readonly attempt: number
      readonly retryAt: number
      readonly error: ParleyError | null
    }
  | { readonly status: 'offline'; readonly retryAt: number; readonly error: ParleyError | null }
  | { readonly status: 'closed' }

/** Whose client this is. `expired`: the session ended by itself; what is loaded stays readable. */
export interface Session {
  readonly status: 'unknown' | 'signed-out' | 'signed-in' | 'expired'
  readonly me: Me | null
  /** Why the server could not be told that one has signed out: whoever comes next may still be let in as that person. */
  readonly unended?: ParleyError
}

/** Which conversations a list shows. */
export type ListFilter = Omit<OperationInput<'listConversations'>, 'cursor' | 'limit'>

/** A loaded part of a list of conversations, latest activity first. */
export interface ConversationList {
  readonly filter: ListFilter
  readonly ids: readonly string[]
  readonly nextCursor: string | null
  readonly status: 'loading' | 'ready' | 'error'
  readonly error: ParleyError | null
}

/** A loaded stretch of a conversation's messages: ascending by seq, without a gap. */
export interface Timeline {
  readonly items: readonly Message[]
  readonly hasBefore: boolean
  readonly hasAfter: boolean
  readonly status: 'loading' | 'ready' | 'error'
  readonly loadingBefore: boolean
  readonly loadingAfter: boolean
  readonly error: ParleyError | null
  /** The end that was asked for last; what is too much is dropped from the other one. */
  readonly near: 'start' | 'end'
}

/** The loaded part of all participants of a conversation, by time of joining. */
export interface ParticipantList {
  readonly items: readonly Participant[]
  readonly nextCursor: string | null
  readonly status: 'loading' | 'ready' | 'error'
  readonly error: ParleyError | null
}

/**
 * A message on its way. `failed` with an error was refused; `failed` without one lay here for over 12 hours and is not
 * sent unasked.
 */
export interface Pending {
  readonly clientKey: string
  readonly conversationId: string
  readonly text: string
  readonly audience: Audience
  readonly quote: Quote | null
  /** ISO 8601, by this device's clock: for showing only. */
  readonly createdAt: string
  readonly status: 'queued' | 'sending' | 'failed'
  readonly error: ErrorCode | null
}

/** Somebody who is writing right now. */
export interface Typist {
  readonly userId: string
  readonly audience: Audience
}

/** Whether somebody is here. */
export interface Presence {
  readonly state: PresenceState
  readonly lastSeenAt: string | null
}

/** Everything the client knows. Immutable: what did not change keeps its reference. */
export interface State {
  readonly connection: Connection
  readonly session: Session
  readonly users: Readonly<Record<string, Profile>>
  readonly conversations: Readonly<Record<string, ConversationSnapshot>>
  readonly lists: Readonly<Record<string, ConversationList>>
  readonly timelines: Readonly<Record<string, Timeline>>
  readonly participants: Readonly<Record<string, ParticipantList>>
  readonly outbox: Readonly<Record<string, readonly Pending[]>>
  readonly typing: Readonly<Record<string, readonly Typist[]>>
  readonly presence: Readonly<Record<string, Presence>>
  readonly drafts: Readonly<Record<string, string>>
}

/** What a client knows before it has asked anybody. */
export const initialState: State = {
  connection: { status: 'idle' },
  session: { status: 'unknown', me: null },
  users: {},
  conversations: {},
  lists: {},
  timelines: {},
  participants: {},
  outbox: {},
  typing: {},
  presence: {},
  drafts: {},
}

/** A record with one entry set, or the same record when it holds that value already. */
export function withEntry<Value>(record: Readonly<Record<string, Value>>, key: string, value: Value) {
  return record[key] === value ? record : { ...record, [key]: value }
}

/** A record without an entry, or the same record when it has none. */
export function withoutEntry<Value>(record: Readonly<Record<string, Value>>, key: string) {
  if (!Object.hasOwn(record, key)) return record
  const { [key]: _, ...rest } = record
  return rest
}

/** Under which key of {@link State.drafts} a conversation keeps the text for an audience, or the audience that was chosen. */
export function draftKey(conversationId: string, what: Audience | 'audience'): string {
  return `${conversationId}:${what}`
}
