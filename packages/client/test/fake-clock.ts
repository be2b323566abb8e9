import type { Clock } from '../src/clock.ts'

interface Timer {
  readonly at: number
  readonly run: () => void
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #wall = Date.parse('2026-03-01T10:00:00.000Z')
  #steady = 0
  readonly #timers = new Set<Timer>()

  now(): number {
    return this.#wall + this.#steady
  }

  steady(): number {
    return this.#steady
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.#steady + milliseconds, run }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** How long until the next timer, milliseconds; null when there is none. */
  next(): number | null {
    const times = [...this.#timers].map(({ at }) => at)
    return times.length === 0 ? null : Math.max(0, Math.min(...times) - this.#steady)
  }

  /** Lets time go by: timers run in order, and what they promise is settled. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#steady + milliseconds
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.#timers.delete(due)
      this.#steady = Math.max(this.#steady, due.at)
      due.run()
      await settle()
    }
    this.#steady = end
    await settle()
  }

  /** The clock on the wall is set to another time, or the device sleeps: timers do not notice. */
  jump(milliseconds: number): void {
    this.#wall += milliseconds
  }
}

/** Lets everything that waits for promises only go on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
