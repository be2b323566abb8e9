import type { Context, ConversationKind, ConversationStatus } from '@parley/protocol'
import type { DemoUserId } from './demo-people.ts'

/** `25m` is minutes ago; `2d 14:05` is a time of day, so many working days ago. */
export type DemoTime = `${number}m` | `${number}d ${number}:${number}`

/** One message, in the order of the conversation. */
export interface DemoMessage {
  readonly by: DemoUserId
  readonly at: DemoTime
  readonly text: string
  /** A note: for the team only. */
  readonly note?: true
  /** A name other messages may quote it by. */
  readonly as?: string
  readonly quote?: string
  /** What the text was before it was edited. */
  readonly before?: string
  readonly deleted?: true
}

/** A change of status. */
export interface DemoStatus {
  readonly by: DemoUserId
  readonly at: DemoTime
  readonly status: ConversationStatus
}

/** A conversation; who does not stand in `unread` has read everything. */
export interface DemoConversation {
  readonly key: string
  readonly kind: ConversationKind
  readonly direct?: true
  readonly subject?: string
  readonly context?: Context
  /** Who is in it; the first one started it with the first message. */
  readonly people: readonly [DemoUserId, ...DemoUserId[]]
  readonly opening: DemoMessage
  readonly steps: readonly (DemoMessage | DemoStatus)[]
  /** How many of the last messages they can see somebody has not read. */
  readonly unread?: Partial<Record<DemoUserId, number>>
}
