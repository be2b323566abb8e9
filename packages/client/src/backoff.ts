import type { Random } from './clock.ts'

const first = 500
const base = 1_000
const cap = 20_000

/**
 * How long to wait before a try, milliseconds: 0.5 to 1 s before the first, then full jitter over a span that doubles up to 20 s
 * (delivery, Liveness). Never under 0.5 s.
 * @param failures how many tries have failed since the last success
 */
export function backoff(failures: number, random: Random): number {
  if (failures <= 0) return first + random() * first
  return Math.max(first, random() * Math.min(cap, base * 2 ** Math.min(failures, 10)))
}
