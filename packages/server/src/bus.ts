import { EventEmitter } from 'node:events'
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
  /** All of what was written, for this process alone: it never goes over the wire to other nodes. */
  readonly fresh?: Fresh
}

/** An ephemeral event for those in a conversation; null for a line that hears nothing of it. */
export interface Signal {
  readonly workspaceId: string
  readonly conversationId: string
  readonly userId: string
  readonly type: 'user-typing' | 'user-stopped-typing' | 'message-read' | 'message-delivered'
  readonly team: object | null
  readonly public: object | null
  /** The head of the team's line that the sender knew of: nobody hears of it before this much is delivered to him. */
  readonly position: number
}

/** Sessions that ended: one by its key, or all of a user. */
export interface Revocation {
  readonly workspaceId: string
  readonly userId: string
  /** Only this session; all of the user when left out. */
  readonly sessionKey?: string
  readonly reason: 'signed-out' | 'expired' | 'deactivated'
}

/** Carries hints between writers and the delivery of each node; a hint may be lost. */
export interface Bus {
  publish(hint: Hint): void
  signal(signal: Signal): void
  revoke(revocation: Revocation): void
  onHint(listener: (hint: Hint) => void): void
  onSignal(listener: (signal: Signal) => void): void
  onRevocation(listener: (revocation: Revocation) => void): void
}

/** A bus inside one process. */
export function localBus(): Bus {
  const emitter = new EventEmitter()
  return {
    publish: (hint) => void emitter.emit('hint', hint),
    signal: (signal) => void emitter.emit('signal', signal),
    revoke: (revocation) => void emitter.emit('revocation', revocation),
    onHint: (listener) => void emitter.on('hint', listener),
    onSignal: (listener) => void emitter.on('signal', listener),
    onRevocation: (listener) => void emitter.on('revocation', listener),
  }
}
