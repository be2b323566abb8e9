/** Ids as one value of a query: separated by commas; a comma within an id is written `%2C`, a percent sign `%25`. */
export function joinIds(ids: readonly string[]): string {
  return ids.map((id) => id.replaceAll('%', '%25').replaceAll(',', '%2C')).join(',')
}

/** The ids that {@link joinIds} has joined; empty ones are left out. */
export function splitIds(value: string): string[] {
  const written = value.split(',').filter(Boolean)
  return written.map((id) => id.replaceAll(/%2c/gi, ',').replaceAll('%25', '%'))
}
