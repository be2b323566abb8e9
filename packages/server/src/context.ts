import type { Logger } from 'pino'
import { type Actor, lineOf } from './actor.ts'
import type { Bus } from './bus.ts'
import type { Cache } from './cache.ts'
import type { Clock } from './clock.ts'
import type { Database, Scope } from './db/database.ts'
import type { Groups } from './groups.ts'
import { newId } from './ids.ts'
import type { Siblings } from './siblings.ts'
import type { Seats } from './write-seats.ts'

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

/** Makes ids that sort by time. */
export type Ids = () => string

/** Ids from a clock. */
export function idsFrom(clock: Clock): Ids {
  return () => newId(clock())
}

/** What row-level security lets an actor see. */
export function scopeOf(actor: Actor): Scope {
  return { kind: 'user', workspaceId: actor.workspaceId, userId: actor.userId, line: lineOf(actor) }
}
