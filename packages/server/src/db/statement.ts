/** A named statement: parsed and planned once per connection. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/**
 * Declares a named statement. Its plan is kept, and on a young database the planner takes the workspace for a narrower choice than a key,
 * and reads all of it: rows that are found by the keys of others are written as look-ups, `cross join lateral (select … offset 0)`.
 */
export function statement(name: string, text: string): Statement {
  return { name, text }
}
