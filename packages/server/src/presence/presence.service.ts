import { limits, type PresenceState } from '@parley/protocol'
import type { PersonPresence, PresenceNews } from '../bus.ts'
import type { Services } from '../context.ts'
import type { Delivery, Reader } from '../delivery.ts'
import { keyOf, OtherNodes, type Somebody, type State } from './other-nodes.ts'
import { type RemoteDelivery, RemotePresence } from './remote-presence.service.ts'

interface Presence {
  readonly reader: Reader
  state: State
  leaving: NodeJS.Timeout | undefined
}

/** Somebody's presence as told to a companion. */
export interface PresenceView {
  readonly userId: string
  readonly state: PresenceState
  readonly lastSeenAt: string | null
}

type PresenceServices = Pick<Services, 'db' | 'bus' | 'clock' | 'log'>

const beatInterval = 1_000
/** Beats after which the people of a silent node count as gone. */
const longestSilence = limits.presenceGrace / beatInterval

/**
 * Who is here, or at another node. Kept in memory only, told to people who share a conversation and to nobody else (delivery G13).
 * A short absence, such as a reload or a move to another node, is not told.
 */
export class PresenceService {
  readonly #here = new Map<string, Presence>()
  readonly #told = new Map<string, State>()
  readonly #others = new OtherNodes()
  readonly #remote: RemotePresence
  readonly #delivery: Pick<Delivery, 'companions' | 'tell'>
  readonly #services: PresenceServices
  readonly #timer: NodeJS.Timeout
  readonly #asked = new Set<string>()
  #version = 0
  #wanted = false

  constructor(delivery: Pick<Delivery, 'companions' | 'tell'> & RemoteDelivery, services: PresenceServices) {
    this.#delivery = delivery
    this.#services = services
    this.#remote = new RemotePresence(services, delivery, this.#others)
    services.bus.onNews((nodeId, news) => this.#learn(nodeId, news))
    this.#timer = setInterval(() => this.#beat(), beatInterval)
  }

  /** Somebody's sockets are placed: tells companions, unless they never saw him go. */
  arrive(reader: Reader): void {
    const known = this.#here.get(keyOf(reader))
    clearTimeout(known?.leaving)
    if (known) known.leaving = undefined
    else this.set(reader, 'online')
    this.#remote.tellTo(reader)
  }

  /** Somebody says whether he is at the screen. */
  set(reader: Reader, state: State): void {
    const known = this.#here.get(keyOf(reader))
    if (known?.state === state) return
    if (known) known.state = state
    else this.#here.set(keyOf(reader), { reader, state, leaving: undefined })
    this.#announce(reader, state, null)
    this.#settle(reader, this.#now())
  }

  /** The last socket of somebody has gone. `after` runs once he is told to be away for good. */
  leave(reader: Reader, after: () => void): void {
    const known = this.#here.get(keyOf(reader))
    if (!known) {
      after()
      return
    }
    clearTimeout(known.leaving)
    const lastSeenAt = this.#now()
    known.leaving = setTimeout(() => {
      this.end(reader, lastSeenAt)
      after()
    }, limits.presenceGrace)
    known.leaving.unref()
  }

  /** Somebody is here no more: tells companions at once. */
  end(reader: Reader, lastSeenAt = this.#now()): void {
    const known = this.#here.get(keyOf(reader))
    if (!known) return
    clearTimeout(known.leaving)
    this.#here.delete(keyOf(reader))
    this.#announce(reader, null, lastSeenAt)
    this.#settle(reader, lastSeenAt, this.#delivery.companions(reader.workspaceId, reader.userId))
  }

  /** Everybody present here who shares a conversation with the reader; he is told of those at other nodes when he arrives. */
  companionsOf(reader: Reader): PresenceView[] {
    return this.#delivery.companions(reader.workspaceId, reader.userId).flatMap((other) => {
      const state = this.#stateOf(other)
      return state ? [{ userId: other.userId, state, lastSeenAt: null }] : []
    })
  }

  close(): void {
    clearInterval(this.#timer)
    for (const presence of this.#here.values()) clearTimeout(presence.leaving)
  }

  #now(): string {
    return new Date(this.#services.clock()).toISOString()
  }

  #stateOf(person: Somebody): State | null {
    const here = this.#here.get(keyOf(person))?.state ?? null
    return here === 'online' ? here : (this.#others.stateOf(person) ?? here)
  }

  #announce({ workspaceId, userId }: Reader, state: State | null, lastSeenAt: string | null): void {
    this.#version += 1
    const person = { workspaceId, userId, state, lastSeenAt }
    this.#services.bus.announce({ kind: 'change', version: this.#version, person })
  }

  /** Tells the companions of somebody what has changed for them, if anything has. */
  #settle(person: Somebody, lastSeenAt: string, companions?: readonly Reader[]): void {
    const key = keyOf(person)
    const state = this.#stateOf(person)
    if (state === (this.#told.get(key) ?? null)) return
    if (state) this.#told.set(key, state)
    else this.#told.delete(key)
    const { workspaceId, userId } = person
    const near = companions ?? (this.#here.has(key) ? this.#delivery.companions(workspaceId, userId) : undefined)
    if (near === undefined) this.#remote.tellOf({ workspaceId, userId }, state, lastSeenAt)
    else if (state === null) this.#delivery.tell(near, 'user-left', { userId, lastSeenAt })
    else this.#delivery.tell(near, 'user-joined', { userId, presence: state })
  }

  #learn(nodeId: string, news: PresenceNews): void {
    if (news.kind === 'ask' && news.nodeId === this.#services.bus.nodeId) this.#wanted = true
    const { people, complete } = this.#others.take(nodeId, news)
    for (const person of people) this.#settle(person, person.lastSeenAt ?? this.#now())
    if (complete || this.#asked.has(nodeId)) return
    this.#asked.add(nodeId)
    this.#services.bus.announce({ kind: 'ask', nodeId })
  }

  #everybody(): PersonPresence[] {
    return [...this.#here.values()].map(({ reader: { workspaceId, userId }, state }) => {
      return { workspaceId, userId, state, lastSeenAt: null }
    })
  }

  #beat(): void {
    const version = this.#version
    this.#services.bus.announce(
      this.#wanted ? { kind: 'all', version, people: this.#everybody() } : { kind: 'beat', version },
    )
    this.#wanted = false
    this.#asked.clear()
    for (const person of this.#others.tick(longestSilence)) this.#settle(person, this.#now())
  }
}
