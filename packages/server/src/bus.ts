import { EventEmitter } from 'node:events'
import type { EphemeralOf } from '@parley/protocol'
import type { ChangeRow } from './changes/change.tables.ts'
import type { MessageRow } from './messages/message.tables.ts'

/** Changes that were just committed here, and the messages they show. */
export interface Fresh {
  readonly changes: readonly ChangeRow[]
  readonly messages: readonly MessageRow[]
}

/** Says that a conversation has moved; the truth is read from the log. */
export interface Hint {
  readonly workspaceId: string
  readonly conversationId: string
  /** The heads before and after the write, in the team's line. */
  readonly from: number
  readonly seq: number
  /** Users who became participants by this write. */
  readonly joined: readonly string[]
  /** All of what was written, for the processes of this machine: it never goes over the wire to other nodes. */
  readonly fresh?: Fresh
}

/** What a signal is about; each line may hear something of its own of it, or, with null, nothing. */
interface About<Type, Payload> {
  readonly workspaceId: string
  readonly conversationId: string
  readonly userId: string
  readonly type: Type
  readonly team: Payload | null
  readonly public: Payload | null
  /** The head of the team's line that the sender knew of: nobody hears of it before this much is delivered to him. */
  readonly position: number
}

type Typing = About<'user-typing' | 'user-stopped-typing', EphemeralOf<'user-typing'>>

/** Somebody's mark has moved. */
export type MarkSignal = About<'message-read' | 'message-delivered', EphemeralOf<'message-read'>>

/** An ephemeral event for those in a conversation. */
export type Signal = Typing | MarkSignal

/** Sessions that ended: one by its key, or all of a user. */
export interface Revocation {
  readonly workspaceId: string
  readonly userId: string
  /** Only this session; all of the user when left out. */
  readonly sessionKey?: string
  /** Whose key it is; a token's when left out. */
  readonly sessionKind?: 'session' | 'token'
  readonly reason: 'signed-out' | 'expired' | 'deactivated'
}

/** What one node says of the people it serves. */
export type PresenceNews =
  /** One person has changed; null says that he is no longer here. */
  | { readonly kind: 'change'; readonly version: number; readonly person: PersonPresence }
  /** Everybody. */
  | { readonly kind: 'all'; readonly version: number; readonly people: readonly PersonPresence[] }
  /** Nothing new: a sign of life, and the number of the last change for those who missed one. */
  | { readonly kind: 'beat'; readonly version: number }
  /** Asks a node for everybody. */
  | { readonly kind: 'ask'; readonly nodeId: string }

/** Whether somebody is at a node, and at the screen. */
export interface PersonPresence {
  readonly workspaceId: string
  readonly userId: string
  readonly state: 'online' | 'away' | null
  readonly lastSeenAt: string | null
}

/** Carries hints between writers and the delivery of each node; anything may be lost on the way to other nodes. */
export interface Bus {
  /** This node's name among the others. */
  readonly nodeId: string
  /** Whether this node's words reach all others, and theirs this one. */
  readonly healthy: boolean
  /** Tells this node and the others. Never waits, never fails. */
  publish(hint: Hint): void
  /** Tells this node alone, of what another one has written. */
  hear(hint: Hint): void
  signal(signal: Signal): void
  /** Tells this node alone, of a mark that was moved at another one. */
  hearSignal(signal: MarkSignal): void
  revoke(revocation: Revocation): void
  /** Tells the other nodes alone. */
  announce(news: PresenceNews): void
  onHint(listener: (hint: Hint) => void): void
  onSignal(listener: (signal: Signal) => void): void
  onRevocation(listener: (revocation: Revocation) => void): void
  onNews(listener: (nodeId: string, news: PresenceNews) => void): void
  /** Calls whenever {@link healthy} has changed. */
  onHealth(listener: () => void): void
  close(): void
}

/** A bus inside one process, which knows of no others. */
export function localBus(nodeId: string): Bus {
  const emitter = new EventEmitter()
  const hear = (hint: Hint) => void emitter.emit('hint', hint)
  const signal = (signal: Signal) => void emitter.emit('signal', signal)
  return {
    nodeId,
    healthy: false,
    publish: hear,
    hear,
    signal,
    hearSignal: signal,
    revoke: (revocation) => void emitter.emit('revocation', revocation),
    announce: () => {},
    onHint: (listener) => void emitter.on('hint', listener),
    onSignal: (listener) => void emitter.on('signal', listener),
    onRevocation: (listener) => void emitter.on('revocation', listener),
    onNews: () => {},
    onHealth: () => {},
    close: () => {},
  }
}
