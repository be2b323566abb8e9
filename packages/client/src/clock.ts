/** Time, injected so that tests own it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds since some moment, whatever the clock on the wall is set to; may stand still while the device sleeps. */
  steady(): number
  /**
   * Runs something later.
   * @returns cancels it
   */
  after(milliseconds: number, run: () => void): () => void
}

/** Uniform numbers in [0, 1) with at least 32 random bits. */
export type Random = () => number

/** Timers count milliseconds in 32 bits: a longer wait would end at once. */
const longest = 2 ** 31 - 1

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  after: (milliseconds, run) => {
    let timer: ReturnType<typeof setTimeout>
    const arm = (left: number) => {
      timer = setTimeout(left > longest ? () => arm(left - longest) : run, Math.min(left, longest))
    }
    arm(milliseconds)
    return () => clearTimeout(timer)
  },
}

/**
 * Tells how long ago something was. A clock on the wall may be set back, a steady one may stand still while the device sleeps: the one that
 * says more counts.
 */
export class Stopwatch {
  readonly #clock: Clock
  #now: number
  #steady: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#now = clock.now()
    this.#steady = clock.steady()
  }

  /** Begins again from zero. */
  restart(): void {
    this.#now = this.#clock.now()
    this.#steady = this.#clock.steady()
  }

  /** Milliseconds since the beginning. */
  elapsed(): number {
    return Math.max(this.#clock.now() - this.#now, this.#clock.steady() - this.#steady)
  }
}

/** Randomness fit for keys. */
export const systemRandom: Random = () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32

/**
 * What a promise gives, or something else when it takes too long or fails.
 * @param milliseconds how long to wait
 */
export function within<Value>(
  clock: Clock,
  milliseconds: number,
  promise: Promise<Value>,
  otherwise: Value,
): Promise<Value> {
  return new Promise((resolve) => {
    const cancel = clock.after(milliseconds, () => resolve(otherwise))
    const settle = (value: Value) => {
      cancel()
      resolve(value)
    }
    promise.then(settle, () => settle(otherwise))
  })
}

/** A moment as the protocol writes it. */
export function toInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/**
 * Makes keys that are unique and sort in the order they were made.
 * @returns makes one; `after` is a key that the new one must follow
 */
export function createKeys(clock: Clock, random: Random): (after?: string) => string {
  let last = 0
  return (after) => {
    const floor = after === undefined ? 0 : Number.parseInt(after.slice(0, timeLength), 36) || 0
    last = Math.max(clock.now(), last + 1, floor + 1)
    const words = Array.from({ length: 4 }, () =>
      Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    )
    return `${last.toString(36).padStart(timeLength, '0')}-${words.join('')}`
  }
}

const timeLength = 9
