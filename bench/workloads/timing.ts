import { type Delays, Histogram } from '../load/histogram.ts'

const warmUps = 20

/**
 * How long requests take, one after the other. Different ones take turns, so that what disturbs the machine disturbs all of them.
 * @param times how often each, after a few that do not count
 * @param requests each performs one; told how many there were of its kind
 * @returns delays in ms, in the order of the requests
 */
export async function timed(
  times: number,
  requests: readonly ((number: number) => Promise<unknown>)[],
): Promise<Delays[]> {
  const histograms = requests.map(() => new Histogram())
  for (let number = -warmUps; number < times; number++) {
    for (const [index, request] of requests.entries()) {
      const begun = performance.now()
      await request(Math.max(0, number))
      if (number >= 0) histograms[index]?.add((performance.now() - begun) * 1000)
    }
  }
  return histograms.map((histogram) => histogram.delays())
}

/** Percentiles as cells of a table. */
export const delayColumns = ['requests', 'p50 ms', 'p95 ms', 'p99 ms', 'most ms'] as const

export function delayCells({ count, p50, p95, p99, max }: Delays): string[] {
  return [String(count), ...[p50, p95, p99, max].map((value) => value.toFixed(1))]
}
