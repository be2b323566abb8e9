/** Several runs in three numbers. */
interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** @param values one for each run, at least one */
function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.trunc(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
  return { median, least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN }
}

function rounded(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Math.round(value * 10) / 10)
}

/** @param values at least one */
export function medianOf(values: readonly number[]): number {
  return spreadOf(values).median
}

/** As `median (least-most)`. */
export function spreadText(values: readonly number[]): string {
  if (values.length === 0) return '-'
  const { median, least, most } = spreadOf(values)
  return values.length === 1 ? rounded(median) : `${rounded(median)} (${rounded(least)}-${rounded(most)})`
}
