import { limits } from '@parley/protocol'
import { type Actor, lineOf } from './actor.ts'
import type { Reader } from './delivery.ts'
import { actorKey } from './rate-limit.ts'
import type { Outlet } from './realtime-outlets.ts'

/** A reader whose sockets come and go. */
interface Entry extends Reader {
  readonly outlets: Set<Outlet>
}

/** The people with sockets on this node. */
export class Readers {
  readonly #entries = new Map<string, Entry>()

  /** A person as a reader, also for a moment after the last socket. */
  of(actor: Actor): Reader | undefined {
    return this.#entries.get(actorKey(actor))
  }

  /** Whether a person may open one more socket. */
  hasRoom(actor: Actor): boolean {
    return (this.#entries.get(actorKey(actor))?.outlets.size ?? 0) < limits.socketsPerUser
  }

  /** Adds a socket to its person. Who comes back on the other side is a new reader: the one before is not told anything more. */
  add(actor: Actor, outlet: Outlet): Reader {
    const known = this.#entries.get(actorKey(actor))
    const line = lineOf(actor)
    const entry =
      known?.line === line
        ? known
        : { workspaceId: actor.workspaceId, userId: actor.userId, line, outlets: new Set<Outlet>() }
    entry.outlets.add(outlet)
    this.#entries.set(actorKey(actor), entry)
    return entry
  }

  /** Takes a socket away. Answers the reader when it was his last one. */
  remove(actor: Actor, outlet: Outlet): Reader | undefined {
    const entry = this.#entries.get(actorKey(actor))
    entry?.outlets.delete(outlet)
    return entry?.outlets.size === 0 ? entry : undefined
  }

  /** Forgets a reader who has no socket any more. Answers whether he was forgotten. */
  forget(reader: Reader): boolean {
    const key = actorKey(reader)
    return reader.outlets.size === 0 && this.#entries.get(key) === reader && this.#entries.delete(key)
  }
}
