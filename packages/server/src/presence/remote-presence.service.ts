import type { Services } from '../context.ts'
import type { Delivery, Reader } from '../delivery.ts'
import { readBelongings, readPairs } from './companion.service.ts'
import { keyOf, type OtherNodes, type Somebody, type State } from './other-nodes.ts'

/** What this needs of the delivery. */
export type RemoteDelivery = Pick<Delivery, 'companionsIn' | 'positionOf' | 'tell'>

/** Something to be told of a person who has no socket here. */
interface News {
  readonly person: Somebody
  readonly type: 'user-joined' | 'user-left'
  readonly payload: object
}

const atOnce = 50

function takeOneWorkspace<Item>(waiting: Map<string, Item>, workspaceOf: (item: Item) => string): Item[] {
  const taken: Item[] = []
  for (const [key, item] of waiting) {
    const [first] = taken
    if (first !== undefined && workspaceOf(first) !== workspaceOf(item)) continue
    taken.push(item)
    waiting.delete(key)
    if (taken.length === atOnce) break
  }
  return taken
}

/**
 * Tells people here of companions at other nodes. Who shares a conversation with somebody who has no socket here stands only in the
 * database; it is asked for many at once, one question after the other, and what cannot be answered is not told (delivery G13).
 */
export class RemotePresence {
  readonly #services: Pick<Services, 'db' | 'log'>
  readonly #delivery: RemoteDelivery
  readonly #others: OtherNodes
  readonly #news = new Map<string, News>()
  readonly #arrivals = new Map<string, Reader>()
  #running = false

  constructor(services: Pick<Services, 'db' | 'log'>, delivery: RemoteDelivery, others: OtherNodes) {
    this.#services = services
    this.#delivery = delivery
    this.#others = others
  }

  /** Tells of a person at another node who has come, gone or changed; of several such news the last is enough. */
  tellOf(person: Somebody, state: State | null, lastSeenAt: string): void {
    const { userId } = person
    const news: News =
      state === null
        ? { person, type: 'user-left', payload: { userId, lastSeenAt } }
        : { person, type: 'user-joined', payload: { userId, presence: state } }
    this.#news.set(keyOf(person), news)
    void this.#run()
  }

  /** Tells somebody who has come here of those who are at other nodes. */
  tellTo(reader: Reader): void {
    if (this.#others.userIdsIn(reader.workspaceId).length === 0) return
    this.#arrivals.set(keyOf(reader), reader)
    void this.#run()
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      while (this.#news.size + this.#arrivals.size > 0) await this.#step()
    } catch (error) {
      this.#services.log.debug({ error }, 'presence at other nodes is not told')
      this.#news.clear()
      this.#arrivals.clear()
    } finally {
      this.#running = false
    }
  }

  async #step(): Promise<void> {
    const news = takeOneWorkspace(this.#news, ({ person }) => person.workspaceId)
    if (news.length > 0) await this.#spread(news)
    const arrivals = takeOneWorkspace(this.#arrivals, ({ workspaceId }) => workspaceId)
    if (arrivals.length > 0) await this.#greet(arrivals)
  }

  async #spread(news: readonly News[]): Promise<void> {
    const workspaceId = news[0]?.person.workspaceId ?? ''
    const byUser = new Map(news.map((one) => [one.person.userId, one]))
    const belongings = await readBelongings(this.#services, workspaceId, [...byUser.keys()])
    for (const { user_id, conversation_ids } of belongings) {
      const one = byUser.get(user_id)
      if (!one) continue
      this.#delivery.tell(this.#delivery.companionsIn(workspaceId, user_id, conversation_ids), one.type, one.payload)
    }
  }

  async #greet(arrivals: readonly Reader[]): Promise<void> {
    const workspaceId = arrivals[0]?.workspaceId ?? ''
    const readers = new Map(arrivals.map((reader) => [reader.userId, reader]))
    const present = this.#others.userIdsIn(workspaceId)
    for (const pair of await readPairs(this.#services, workspaceId, [...readers.keys()], present)) {
      const { reader_id, user_id, conversation_id } = pair
      const reader = readers.get(reader_id)
      const presence = this.#others.stateOf({ workspaceId, userId: user_id })
      const together = this.#delivery.positionOf(workspaceId, conversation_id, reader_id) !== null
      if (reader && presence && together) this.#delivery.tell([reader], 'user-joined', { userId: user_id, presence })
    }
  }
}
