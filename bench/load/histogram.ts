const steps = 64
const octaves = 36

/** Counts that can cross a process border and be added up. */
export interface HistogramCounts {
  /** Pairs of bucket and count. */
  readonly buckets: readonly (readonly [number, number])[]
  readonly max: number
}

/** Delays in milliseconds. */
export interface Delays {
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

function bucketOf(microseconds: number): number {
  if (microseconds < steps) return Math.max(0, Math.trunc(microseconds))
  const exponent = 31 - Math.clz32(Math.min(microseconds, 2 ** 31 - 1))
  return (exponent - 5) * steps + Math.trunc(microseconds / 2 ** (exponent - 6)) - steps
}

function microsecondsOf(bucket: number): number {
  if (bucket < steps) return bucket + 0.5
  return ((bucket % steps) + steps + 0.5) * 2 ** (Math.floor(bucket / steps) - 1)
}

/** Log-linear histogram of microseconds: 64 steps for each power of two, so at most 1.6 % off. */
export class Histogram {
  readonly #counts = new Float64Array(steps * octaves)
  #max = 0

  add(microseconds: number): void {
    const bucket = bucketOf(microseconds)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    if (microseconds > this.#max) this.#max = microseconds
  }

  merge({ buckets, max }: HistogramCounts): void {
    for (const [bucket, count] of buckets) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count
    this.#max = Math.max(this.#max, max)
  }

  counts(): HistogramCounts {
    const buckets = [...this.#counts.entries()].filter(([, count]) => count > 0)
    return { buckets, max: this.#max }
  }

  delays(): Delays {
    const count = this.#counts.reduce((sum, each) => sum + each, 0)
    const at = (share: number) => this.#quantile(count, share) / 1000
    return { count, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: this.#max / 1000 }
  }

  #quantile(count: number, share: number): number {
    let left = Math.max(1, Math.ceil(count * share))
    for (const [bucket, each] of this.#counts.entries()) {
      left -= each
      if (left <= 0) return Math.min(microsecondsOf(bucket), this.#max)
    }
    return Number.NaN
  }
}
