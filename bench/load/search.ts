import { setTimeout as sleep } from 'node:timers/promises'
import { awaitQuiet } from '../machine/processes.ts'
import type { Generators, Measurement } from './generators.ts'

/** What a server must keep to be said to hold a rate: delays in ms, counted from the due time. */
const bounds = { p99: 100, share: 0.999, drained: 1_000 } as const
const growth = 1.5
const precision = 0.05
/** Percent of one core that others may take, in this machine or on its host, before a measurement is repeated, and how often it is made at most. */
const disturbance = { most: 30, attempts: 4 } as const

function disturbanceOf({ usage }: Measurement): number {
  return usage.foreign + usage.stolen
}

/** Whether a server held a rate: everything acknowledged and delivered, 99 % of it within 100 ms, and nothing left over. */
export function held(measurement: Measurement): boolean {
  const { acknowledged, delivered, ack, deliver, drained } = measurement
  const complete = acknowledged >= bounds.share && delivered >= bounds.share && drained <= bounds.drained
  return complete && ack.p99 <= bounds.p99 && deliver.p99 <= bounds.p99
}

/**
 * Measures, again if others were in the way, in this machine or on its host; the least disturbed attempt counts.
 * @param enough whether an attempt counts however disturbed it was
 */
export async function measureInQuiet(
  generators: Generators,
  rate: number,
  seconds: number,
  enough: (measurement: Measurement) => boolean = () => false,
): Promise<Measurement> {
  let best: Measurement | undefined
  for (let left = disturbance.attempts; left > 0; left--) {
    await awaitQuiet()
    const measurement = await generators.measure(rate, seconds)
    if (enough(measurement)) return measurement
    if (!best || disturbanceOf(measurement) < disturbanceOf(best)) best = measurement
    if (disturbanceOf(best) <= disturbance.most) return best
  }
  if (!best) throw new Error('Nothing was measured')
  return best
}

/**
 * Finds the highest rate that is held: up by half until one is not, then between the two to within 5 %. Others can only lower what is held, so
 * what was held is not repeated.
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
    const measurement = await measureInQuiet(generators, rate, seconds, held)
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
