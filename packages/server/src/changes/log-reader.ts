import { setImmediate as turn } from 'node:timers/promises'
import type { Services } from '../context.ts'
import { type Ask, type Batch, readBatches } from './change.service.ts'

/** Asks that are read together, and what was found for each. */
interface Round {
  readonly asks: Ask[]
  readonly batches: Promise<readonly Batch[]>
}

const largestRound = 1_000

/** Readings of a workspace that are under way at once: what comes meanwhile gathers, so the more there is to read, the less often it is asked for. */
const atOnce = 3

/** Reads logs for delivery: of all conversations of a workspace that are asked for in one turn, or while enough readings are under way, at once. */
export class LogReader {
  readonly #services: Pick<Services, 'db'>
  /** Rounds that have not begun, by workspace. */
  readonly #gathering = new Map<string, Round>()
  readonly #underWay = new Map<string, Set<Promise<void>>>()

  constructor(services: Pick<Services, 'db'>) {
    this.#services = services
  }

  /**
   * The next changes of a conversation's log.
   * @throws what the reading threw, for all that were read together
   */
  async read(workspaceId: string, ask: Ask): Promise<Batch> {
    const round = this.#gathering.get(workspaceId) ?? this.#gather(workspaceId)
    const place = round.asks.push(ask) - 1
    if (round.asks.length === largestRound) this.#gathering.delete(workspaceId)
    const batch = (await round.batches)[place]
    if (!batch) throw new Error(`The log of ${ask.conversationId} was not read`)
    return batch
  }

  #gather(workspaceId: string): Round {
    const asks: Ask[] = []
    const round: Round = { asks, batches: this.#begin(workspaceId, asks) }
    this.#gathering.set(workspaceId, round)
    return round
  }

  async #begin(workspaceId: string, asks: readonly Ask[]): Promise<readonly Batch[]> {
    await turn()
    while (this.#underWayOf(workspaceId).size >= atOnce) await Promise.race(this.#underWayOf(workspaceId))
    if (this.#gathering.get(workspaceId)?.asks === asks) this.#gathering.delete(workspaceId)
    const { promise: over, resolve: end } = Promise.withResolvers<void>()
    const underWay = this.#underWayOf(workspaceId).add(over)
    try {
      return await readBatches(this.#services, workspaceId, asks)
    } finally {
      underWay.delete(over)
      if (underWay.size === 0) this.#underWay.delete(workspaceId)
      end()
    }
  }

  #underWayOf(workspaceId: string): Set<Promise<void>> {
    const known = this.#underWay.get(workspaceId) ?? new Set()
    this.#underWay.set(workspaceId, known)
    return known
  }
}
