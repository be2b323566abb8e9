import type { PersonPresence, PresenceNews } from '../bus.ts'
import { pairKey } from '../ids.ts'

/** Whether somebody who is here is at the screen. */
export type State = NonNullable<PersonPresence['state']>

/** Somebody, wherever he is. */
export type Somebody = Pick<PersonPresence, 'workspaceId' | 'userId'>

/** A key of a person. */
export function keyOf({ workspaceId, userId }: Somebody): string {
  return pairKey(workspaceId, userId)
}

interface Node {
  version: number
  silence: number
  readonly people: Map<string, PersonPresence>
}

/** What news of another node have changed. */
export interface Learned {
  readonly people: readonly PersonPresence[]
  /** Whether nothing was missed before; otherwise the node should be asked for everybody. */
  readonly complete: boolean
}

function gone({ workspaceId, userId }: Somebody): PersonPresence {
  return { workspaceId, userId, state: null, lastSeenAt: null }
}

/** The people at other nodes, as those say: every change has a number, so that a lost one shows at the next word. */
export class OtherNodes {
  readonly #nodes = new Map<string, Node>()

  /** Takes in what a node says. */
  take(nodeId: string, news: PresenceNews): Learned {
    const node = this.#nodes.get(nodeId) ?? { version: 0, silence: 0, people: new Map() }
    this.#nodes.set(nodeId, node)
    node.silence = 0
    switch (news.kind) {
      case 'ask':
        return { people: [], complete: true }
      case 'beat':
        return { people: [], complete: news.version === node.version }
      case 'change':
        if (news.version !== node.version + 1) return { people: [], complete: false }
        node.version = news.version
        return { people: this.#put(node, [news.person]), complete: true }
      case 'all': {
        const before = [...node.people.values()].map(gone)
        node.version = news.version
        node.people.clear()
        return { people: [...before, ...this.#put(node, news.people)], complete: true }
      }
    }
  }

  /** Lets time pass; forgets nodes that say nothing any more and answers who was there. */
  tick(longestSilence: number): PersonPresence[] {
    const lost: PersonPresence[] = []
    for (const [nodeId, node] of this.#nodes) {
      node.silence += 1
      if (node.silence <= longestSilence) continue
      this.#nodes.delete(nodeId)
      lost.push(...[...node.people.values()].map(gone))
    }
    return lost
  }

  /** Somebody's state at any other node; null when he is at none. */
  stateOf(person: Somebody): State | null {
    const key = keyOf(person)
    let found: State | null = null
    for (const { people } of this.#nodes.values()) {
      const state = people.get(key)?.state ?? null
      if (state === 'online') return state
      found ??= state
    }
    return found
  }

  /** Everybody of a workspace who is at another node. */
  userIdsIn(workspaceId: string): string[] {
    const all = [...this.#nodes.values()].flatMap(({ people }) => [...people.values()])
    return [...new Set(all.filter((person) => person.workspaceId === workspaceId).map(({ userId }) => userId))]
  }

  #put(node: Node, people: readonly PersonPresence[]): readonly PersonPresence[] {
    for (const person of people) {
      if (person.state === null) node.people.delete(keyOf(person))
      else node.people.set(keyOf(person), person)
    }
    return people
  }
}
