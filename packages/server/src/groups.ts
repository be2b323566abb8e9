import { ParleyError } from '@parley/protocol'
import pLimit from 'p-limit'
import { steadyClock } from './clock.ts'

/** One who waits for his group. */
interface Waiting<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/** Does the work of a group: a result for each item, in their order. */
export type Run<Item, Result> = (items: readonly Item[]) => Promise<readonly Result[]>

type Lane = Waiting<unknown, unknown>[]

const largestGroup = 1_000

/** How many lanes may wait for locks at once: each of them keeps a connection, and those who wait for nothing need some too. */
const patientAtOnce = 4
/** How long one of them waits for its turn, milliseconds. */
const patience = 3_000

/** Lets what was answered leave first: frames go out at the end of a turn, and to write to the database may wake it on our own core. */
function afterFrames(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}

/**
 * Group commit: while one group of a lane is under way, what comes for that lane queues, and then goes together. One commit serves
 * many, the more the busier it gets, and who comes alone does not wait.
 */
export class Groups {
  readonly #lanes = new Map<string, Lane>()
  readonly #turns = pLimit(patientAtOnce)

  /** Whether a lane has a group under way. */
  isBusy(lane: string): boolean {
    return this.#lanes.has(lane)
  }

  /**
   * Adds an item to the next group of a lane.
   * @param lane groups of one lane follow each other; the same lane must always be given the same work
   * @returns the item's own result; an error of the work is everybody's, also of who came meanwhile
   */
  join<Item, Result>(lane: string, item: Item, run: Run<Item, Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const waiting = { item, resolve, reject } as Waiting<unknown, unknown>
      const queue = this.#lanes.get(lane)
      if (queue) {
        queue.push(waiting)
        return
      }
      this.#lanes.set(lane, [waiting])
      setImmediate(() => void this.#drain(lane, run as Run<unknown, unknown>))
    })
  }

  /**
   * {@link join} for work that waits for locks of others: a few lanes at once.
   * @throws ParleyError `unavailable` when others wait for theirs too long
   */
  joinPatiently<Item, Result>(lane: string, item: Item, run: Run<Item, Result>): Promise<Result> {
    return this.join<Item, Result>(lane, item, (items) => {
      const asked = steadyClock()
      return this.#turns(() => {
        if (steadyClock() - asked > patience) throw new ParleyError('unavailable', undefined, { retryAfter: 1 })
        return run(items)
      })
    })
  }

  async #drain(lane: string, run: Run<unknown, unknown>): Promise<void> {
    const queue = this.#lanes.get(lane) ?? []
    while (queue.length > 0) {
      await settle(queue, run)
      if (queue.length > 0) await afterFrames()
    }
    this.#lanes.delete(lane)
  }
}

/** Does the work of the next group of a queue. An error is the answer to those behind it too, who would wait as long for the same. */
async function settle(queue: Lane, run: Run<unknown, unknown>): Promise<void> {
  const group = queue.splice(0, largestGroup)
  try {
    const results = await run(group.map(({ item }) => item))
    for (const [index, { resolve }] of group.entries()) resolve(results[index])
  } catch (error) {
    for (const { reject } of [...group, ...queue.splice(0)]) reject(error)
  }
}
