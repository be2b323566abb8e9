import type { Logger } from 'pino'
import type { Bus } from './bus.ts'
import { linkedBus, type Way, type WayEvents, type Word } from './bus-linked.ts'
import type { Siblings } from './siblings.ts'

class SiblingWay implements Way {
  /** Other machines are not reached by it. */
  readonly healthy = false
  readonly #nodeId: string
  readonly #siblings: Siblings
  #waiting: Word[] = []

  constructor(nodeId: string, siblings: Siblings, { hear }: WayEvents) {
    this.#nodeId = nodeId
    this.#siblings = siblings
    siblings.onPacket((packet) => hear(packet.nodeId, packet.words))
  }

  send(word: Word): void {
    if (this.#waiting.push(word) === 1) setImmediate(() => this.#flush())
  }

  close(): void {
    this.#waiting = []
  }

  #flush(): void {
    const words = this.#waiting
    this.#waiting = []
    if (words.length > 0) this.#siblings.send({ nodeId: this.#nodeId, words })
  }
}

/** A bus between the processes of one machine, without Redis. */
export function siblingBus(nodeId: string, siblings: Siblings, log: Logger): Bus {
  return linkedBus(nodeId, log, (events) => new SiblingWay(nodeId, siblings, events))
}
