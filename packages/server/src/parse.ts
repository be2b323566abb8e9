import { type FieldProblem, ParleyError } from '@parley/protocol'
import type { z } from 'zod'

/** More faults than these tell nobody more. */
const listedAtMost = 20

function problemsOf(issue: z.core.$ZodIssue): FieldProblem[] {
  const at = (path: readonly PropertyKey[]) => path.join('.')
  if (issue.code === 'invalid_key') return [{ path: at(issue.path.slice(0, -1)), problem: issue.message }]
  if (issue.code !== 'unrecognized_keys') return [{ path: at(issue.path), problem: issue.message }]
  return issue.keys.map((key) => ({ path: at([...issue.path, key]), problem: 'There is no such field' }))
}

/**
 * Reads input as a schema says.
 * @throws ParleyError `invalid` with the fields at fault, 20 at most
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const fields = result.error.issues.flatMap(problemsOf).slice(0, listedAtMost)
  throw new ParleyError('invalid', undefined, { fields })
}
