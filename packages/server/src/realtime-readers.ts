import { limits } from '@parley/protocol'
import { type Actor, lineOf } from './context.ts'
import type { Reader } from './delivery.ts'
import { pairKey } from './ids.ts'
import type { Outlet } from './realtime-outlets.ts'

/** A reader whose sockets come and go. */
interface Entry extends Reader {
  readonly outlets: Set<Outlet>
}

function keyOf({ workspaceId, userId }: Pick<Actor, 'workspaceId' | 'userId'>): string {
  return pairKey(workspaceId, userId)
}

/** The people with sockets on this node. */
export class Readers {
  readonly #entries = new Map<string, Entry>()

  /** Whether a person may open one more socket. */
  hasRoom(actor: Actor): boolean {
    return (this.#entries.get(keyOf(actor))?.outlets.size ?? 0) < limits.socketsPerUser
  }

  /** Adds a socket to its person. Who comes back on the other side is a new reader: the one before is not told anything more. */
  add(actor: Actor, outlet: Outlet): Reader {
    const known = this.#entries.get(keyOf(actor))
    const line = lineOf(actor)
    const entry =
      known?.line === line
        ? known
        : { workspaceId: actor.workspaceId, userId: actor.userId, line, outlets: new Set<Outlet>() }
    entry.outlets.add(outlet)
    this.#entries.set(keyOf(actor), entry)
    return entry
  }

  /** Takes a socket away. Answers the reader when it was his last one. */
  remove(actor: Actor, outlet: Outlet): Reader | undefined {
    const entry = this.#entries.get(keyOf(actor))
    entry?.outlets.delete(outlet)
    return entry?.outlets.size === 0 ? entry : undefined
  }

  /** Forgets a reader who has no socket any more. Answers whether he was forgotten. */
  forget(reader: Reader): boolean {
    const key = keyOf(reader)
    return reader.outlets.size === 0 && this.#entries.get(key) === reader && this.#entries.delete(key)
  }
}
