const special = /["\\]/

function elementText(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = value instanceof Date ? value.toISOString() : String(value)
  return `"${special.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`
}

/**
 * A list as PostgreSQL's array literal, in one pass.
 * @param values texts, numbers, booleans, times and nulls
 * @see https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO
 */
export function arrayLiteral(values: readonly unknown[]): string {
  let text = '{'
  for (const [index, value] of values.entries()) text += index === 0 ? elementText(value) : `,${elementText(value)}`
  return `${text}}`
}

/**
 * A time as ISO 8601 in milliseconds, from PostgreSQL's own text; what is finer is cut off.
 * @param text a `timestamptz` of a session in UTC, such as `2026-01-31 09:05:00.12+00`
 */
export function isoTime(text: string): string {
  const fraction = text[19] === '.' ? text.slice(20, text.indexOf('+', 20)) : ''
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.slice(0, 3).padEnd(3, '0')}Z`
}
