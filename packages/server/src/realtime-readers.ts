import { limits } from '@parley/protocol'
import { type Actor, lineOf } from './context.ts'
import type { Reader } from './delivery.ts'

/** A reader whose sockets come and go. */
interface Entry extends Reader {
  readonly socketIds: Set<string>
}

function keyOf({ workspaceId, userId }: Pick<Actor, 'workspaceId' | 'userId'>): string {
  return JSON.stringify([workspaceId, userId])
}

/** The people with sockets on this node. */
export class Readers {
  readonly #entries = new Map<string, Entry>()

  /** Whether a person may open one more socket. */
  hasRoom(actor: Actor): boolean {
    return (this.#entries.get(keyOf(actor))?.socketIds.size ?? 0) < limits.socketsPerUser
  }

  /** Adds a socket to its person. */
  add(actor: Actor, socketId: string): Reader {
    const known = this.#entries.get(keyOf(actor))
    const entry = known ?? {
      workspaceId: actor.workspaceId,
      userId: actor.userId,
      line: lineOf(actor),
      socketIds: new Set(),
    }
    entry.socketIds.add(socketId)
    this.#entries.set(keyOf(actor), entry)
    return entry
  }

  /** Takes a socket away. Answers the reader when it was his last one. */
  remove(actor: Actor, socketId: string): Reader | undefined {
    const entry = this.#entries.get(keyOf(actor))
    entry?.socketIds.delete(socketId)
    return entry?.socketIds.size === 0 ? entry : undefined
  }

  /** Forgets a reader who has no socket any more. Answers whether he was forgotten. */
  forget(reader: Reader): boolean {
    return reader.socketIds.size === 0 && this.#entries.delete(keyOf(reader))
  }
}
