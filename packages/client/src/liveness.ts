import { type Clock, Stopwatch } from './clock.ts'

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
  readonly #sinceFrame: Stopwatch
  readonly #sinceEvent: Stopwatch
  readonly #sinceTick: Stopwatch
  #cancel: () => void = () => {}

  constructor(clock: Clock, events: LivenessEvents) {
    this.#clock = clock
    this.#events = events
    this.#sinceFrame = new Stopwatch(clock)
    this.#sinceEvent = new Stopwatch(clock)
    this.#sinceTick = new Stopwatch(clock)
    this.#schedule()
  }

  /** Something came over the wire. */
  frame(): void {
    this.#sinceFrame.restart()
  }

  /** An event came, or heads were compared. */
  event(): void {
    this.#sinceEvent.restart()
  }

  /** Looks at the time now rather than at the next tick. */
  check(): void {
    const slept = this.#sinceTick.elapsed() > tick + sleptAfter
    this.#sinceTick.restart()
    if (this.#sinceFrame.elapsed() > deadAfter) {
      this.#events.onDead()
    } else if (slept || this.#sinceEvent.elapsed() >= silentAfter) {
      this.#sinceEvent.restart()
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
