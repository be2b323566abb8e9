import type { Socket } from 'socket.io'
import type { Actor } from './actor.ts'
import type { Context } from './context.ts'
import type { Reader } from './delivery.ts'
import type { Session } from './identity/identity.service.ts'
import { actorKey } from './rate-limit.ts'
import type { Outlet } from './realtime-outlets.ts'

/** A connected socket: whose it is, and what it may do. */
export interface Connection {
  readonly socket: Socket
  readonly session: Session
  /** Stands for the address and the program it comes from, and tells neither. */
  readonly place: string
  readonly reader: Reader
  readonly outlet: Outlet
  readonly ctx: Context
  commandsLeft: number
  /** Whether it is being told what it missed. */
  resuming: boolean
}

/** The parts of a WebSocket that end it. */
interface Wire {
  close(code: number): void
  terminate(): void
}

/** What carries a socket's frames, where it is a WebSocket. */
export function wireOf(socket: Socket): Wire | undefined {
  return (socket.conn.transport as { readonly socket?: Wire }).socket
}

/** The sockets of this node, by person. */
export class Connections {
  readonly #all = new Set<Connection>()
  readonly #ofPerson = new Map<string, Set<Connection>>()

  get size(): number {
    return this.#all.size
  }

  all(): Iterable<Connection> {
    return this.#all
  }

  /** Those of a person, as they are now. */
  of(person: Pick<Actor, 'workspaceId' | 'userId'>): readonly Connection[] {
    return [...(this.#ofPerson.get(actorKey(person)) ?? [])]
  }

  add(connection: Connection): void {
    const key = actorKey(connection.session.actor)
    const own = this.#ofPerson.get(key) ?? new Set()
    this.#ofPerson.set(key, own.add(connection))
    this.#all.add(connection)
  }

  remove(connection: Connection): void {
    const key = actorKey(connection.session.actor)
    const own = this.#ofPerson.get(key)
    own?.delete(connection)
    if (own?.size === 0) this.#ofPerson.delete(key)
    this.#all.delete(connection)
  }
}
