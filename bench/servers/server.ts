import { createHmac } from 'node:crypto'
import type { LoadUser } from '../drivers/driver.ts'
import type { DriverName } from '../drivers/drivers.ts'
import type { Database } from '../machine/database.ts'

/** Who talks with whom: pairs of two, or everybody in one conversation. */
export type Shape = 'pairs' | 'group'

/** What a server is started for. */
export interface Assignment {
  readonly database: Database
  readonly shape: Shape
  readonly users: number
}

/** A server that is ready for load, with its people and conversations made. */
export interface RunningServer {
  readonly driver: DriverName
  /** The process everything else of the server hangs on; the database is apart. */
  readonly pid: number
  readonly users: readonly LoadUser[]
  stop(): Promise<void>
}

export type StartServer = (assignment: Assignment) => Promise<RunningServer>

/** The members of each conversation, by their numbers. */
export function membersOf({ shape, users }: Pick<Assignment, 'shape' | 'users'>): number[][] {
  const everybody = Array.from({ length: users }, (_, index) => index)
  if (shape === 'group') return [everybody]
  return everybody.filter((index) => index % 2 === 0).map((index) => [index, index + 1])
}

/** How many people get each message, the sender left out. */
export function recipientsOf({ shape, users }: Pick<Assignment, 'shape' | 'users'>): number {
  return shape === 'group' ? users - 1 : 1
}

/** A token as a host signs it (RFC 7519, HS256). */
export function signToken(secret: string, claims: object): string {
  const now = Math.floor(Date.now() / 1000)
  const parts = [
    { alg: 'HS256', typ: 'JWT' },
    { iat: now, exp: now + 86_400, ...claims },
  ]
  const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
