import type { Clock } from './clock.ts'

/** What a watch over a live connection reports. */
export interface LivenessEvents {
  /** Nothing came for 35 s: the connection is dead, whatever the socket says. */
  onDead(): void
  /** No event came for 30 s, or the device slept: time to compare heads. */
  onSilence(): void
}

const tick = 5_000
const deadAfter = 35_000
const silentAfter = 30_000
const sleptAfter = 60_000

/** Watches over one connection by the frames it receives. */
export class Liveness {
  readonly #clock: Clock
  readonly #events: LivenessEvents
  #lastFrame: number
  #lastEvent: number
  #lastTick: number
  #cancel: () => void = () => {}

  constructor(clock: Clock, events: LivenessEvents) {
    this.#clock = clock
    this.#events = events
    this.#lastFrame = this.#lastEvent = this.#lastTick = clock.now()
    this.#schedule()
  }

  /** Something came over the wire. */
  frame(): void {
    this.#lastFrame = this.#clock.now()
  }

  /** An event came, or heads were compared. */
  event(): void {
    this.#lastEvent = this.#clock.now()
  }

  /** Looks at the time now rather than at the next tick. */
  check(): void {
    const now = this.#clock.now()
    const slept = now - this.#lastTick > tick + sleptAfter
    this.#lastTick = now
    if (now - this.#lastFrame > deadAfter) {
      this.#events.onDead()
    } else if (slept || now - this.#lastEvent >= silentAfter) {
      this.#lastEvent = now
      this.#events.onSilence()
    }
  }

  stop(): void {
    this.#cancel()
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(tick, () => {
      this.#schedule()
      this.check()
    })
  }
}
