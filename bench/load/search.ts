import { setTimeout as sleep } from 'node:timers/promises'
import type { Generators, Measurement } from './generators.ts'

/** What a server must keep to be said to hold a rate: delays in ms, counted from the due time. */
const bounds = { p99: 100, share: 0.999, drained: 1_000 } as const
const growth = 1.5
const precision = 0.05

/** Whether a server held a rate: everything acknowledged and delivered, 99 % of it within 100 ms, and nothing left over. */
export function held(measurement: Measurement): boolean {
  const { acknowledged, delivered, ack, deliver, drained } = measurement
  const complete = acknowledged >= bounds.share && delivered >= bounds.share && drained <= bounds.drained
  return complete && ack.p99 <= bounds.p99 && deliver.p99 <= bounds.p99
}

/**
 * Finds the highest rate that is held: up by half until one is not, then between the two to within 5 %.
 * @param from where to begin, messages a second
 * @param onMeasured told each step
 * @returns the measurement at the highest rate; null when not even a small rate was held
 */
export async function highestRate(
  generators: Generators,
  from: number,
  seconds: number,
  onMeasured: (measurement: Measurement, held: boolean) => void,
): Promise<Measurement | null> {
  let best: Measurement | null = null
  let failed = Number.POSITIVE_INFINITY
  let rate = from
  while (rate >= 10) {
    const measurement = await generators.measure(rate, seconds)
    const isHeld = held(measurement)
    onMeasured(measurement, isHeld)
    if (isHeld) best = measurement
    else failed = rate
    await sleep(isHeld ? 200 : 1_500)
    const low = best?.rate ?? 0
    if (failed - low <= low * precision) break
    rate = Math.round(failed === Number.POSITIVE_INFINITY ? rate * growth : low === 0 ? rate / 2 : (low + failed) / 2)
  }
  return best
}
