/** What JSON writes with a letter after a backslash, where PostgreSQL takes the letter for itself. */
const lettered = /\\[bfnrtu]/

function elementText(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value ?? null)
  return `"${value.replace(/["\\]/g, '\\$&')}"`
}

/**
 * A list as PostgreSQL's array literal, which is JSON's but for the brackets and some escapes.
 * @param values texts, numbers, booleans, times and nulls
 * @see https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO
 */
function arrayLiteral(values: readonly unknown[]): string {
  const json = JSON.stringify(values)
  if (!lettered.test(json)) return `{${json.slice(1, -1)}}`
  return `{${values.map(elementText).join(',')}}`
}

/**
 * A time as ISO 8601 in milliseconds, from PostgreSQL's own text; what is finer is cut off.
 * @param text a `timestamptz` of a session in UTC, such as `2026-01-31 09:05:00.12+00`
 */
export function isoTime(text: string): string {
  const fraction = text[19] === '.' ? text.slice(20, text.indexOf('+', 20)) : ''
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.slice(0, 3).padEnd(3, '0')}Z`
}

/** A value as the text PostgreSQL takes for it: a text, number, boolean, time or list of such; null is null. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return null
  if (value instanceof Date) return value.toISOString()
  return Array.isArray(value) ? arrayLiteral(value) : String(value)
}
