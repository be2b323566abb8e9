import type { Role } from '@parley/protocol'
import { LRUCache } from 'lru-cache'
import type { Actor } from './actor.ts'
import type { Hint } from './bus.ts'
import type { ConversationRow } from './conversations/conversation.tables.ts'
import { pairKey } from './ids.ts'
import type { ParticipantRow } from './participants/participant.tables.ts'

/** Somebody in a conversation, and his role in the workspace. */
export type Entrant = ParticipantRow & { readonly user_role: Role }

/** A conversation at one moment, with people who were in it then. */
export interface Seated {
  readonly conversation: ConversationRow
  /** The version of all people of the workspace. */
  readonly peopleVersion: number
  readonly entrants: Map<string, Entrant>
}

const conversationsKept = 5_000
const groupsInDoubt = 8

/**
 * Conversations as this process has left them. Whoever is in one, and its status, change together with its head or with the version of
 * the people: while both are what they were, all of it is, and nothing need be read again. The database is asked whether they are (adr 14).
 */
export class Seats {
  readonly #known = new LRUCache<string, Seated>({ max: conversationsKept })
  #doubts = 0

  /** The conversations that somebody asks for, by their ids; undefined when one of them or somebody's place in it is not known. */
  recall(
    requests: Iterable<{ readonly actor: Actor; readonly conversationId: string }>,
  ): Map<string, Seated> | undefined {
    if (this.#doubts > 0) {
      this.#doubts -= 1
      return undefined
    }
    const found = new Map<string, Seated>()
    let version: number | undefined
    for (const { actor, conversationId } of requests) {
      const seated = found.get(conversationId) ?? this.#known.get(pairKey(actor.workspaceId, conversationId))
      version ??= seated?.peopleVersion
      if (!seated?.entrants.has(actor.userId) || seated.peopleVersion !== version) return undefined
      found.set(conversationId, seated)
    }
    return found
  }

  /**
   * Keeps a conversation as a write has left it.
   * @param from its head before the write, in the team's line
   */
  keep(workspaceId: string, from: number, left: Seated): void {
    const key = pairKey(workspaceId, left.conversation.id)
    const known = this.#known.get(key)
    const meanwhile = known?.conversation.seq !== from || known.peopleVersion !== left.peopleVersion
    if (!meanwhile && known.entrants !== left.entrants) {
      for (const [userId, entrant] of known.entrants) if (!left.entrants.has(userId)) left.entrants.set(userId, entrant)
    }
    this.#known.set(key, left)
  }

  /** Takes in that a conversation has moved. */
  heard({ workspaceId, conversationId, seq }: Pick<Hint, 'workspaceId' | 'conversationId' | 'seq'>): void {
    const key = pairKey(workspaceId, conversationId)
    const known = this.#known.get(key)
    if (known && known.conversation.seq < seq) this.#known.delete(key)
  }

  /** What was recalled was not so any more: other nodes write there too, so the next groups read. */
  doubt(workspaceId: string, recalled: ReadonlyMap<string, Seated>): void {
    for (const conversationId of recalled.keys()) this.#known.delete(pairKey(workspaceId, conversationId))
    this.#doubts = groupsInDoubt
  }
}
