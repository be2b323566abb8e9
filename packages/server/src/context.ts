import type { Role } from '@parley/protocol'
import type { Logger } from 'pino'
import type { Bus } from './bus.ts'
import type { Cache } from './cache.ts'
import type { Database, Scope } from './db/database.ts'
import type { Groups } from './groups.ts'
import { newId } from './ids.ts'
import type { Siblings } from './siblings.ts'
import type { Seats } from './write-seats.ts'

/** The team sees every change of a conversation; the public line leaves out what only the team may see. */
export type Line = 'team' | 'public'

/** Who acts, in which workspace. */
export interface Actor {
  readonly workspaceId: string
  readonly userId: string
  readonly role: Role
}

/** What the program does itself: import, demo, clean-up. */
export interface Services {
  readonly db: Database
  readonly bus: Bus
  readonly groups: Groups
  readonly seats: Seats
  readonly siblings?: Siblings | undefined
  readonly cache: Cache
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Logger
}

/** Everything a service works with. */
export interface Context extends Services {
  readonly actor: Actor
}

/** Time in Unix milliseconds. Never an order between messages. */
export type Clock = () => number

/** Makes ids that sort by time. */
export type Ids = () => string

/** The system clock. */
export const systemClock: Clock = () => Date.now()

/** A clock that only goes forward, whatever is done to the system's. From an arbitrary start. */
export const steadyClock: Clock = () => performance.now()

/** Ids from a clock. */
export function idsFrom(clock: Clock): Ids {
  return () => newId(clock())
}

/** Which of the two lines an actor reads. */
export function lineOf(actor: Pick<Actor, 'role'>): Line {
  return actor.role === 'external' ? 'public' : 'team'
}

/** What row-level security lets an actor see. */
export function scopeOf(actor: Actor): Scope {
  return { kind: 'user', workspaceId: actor.workspaceId, userId: actor.userId, line: lineOf(actor) }
}
