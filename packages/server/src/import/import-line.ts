import { instant, limits, subject, text } from '@parley/protocol'
import { z } from 'zod'

/** A line that was refused, or taken without its quote, and why. `line` counts from 1. */
export interface Fault {
  readonly line: number
  readonly reason: string
}

/** A message as the file has it. */
export interface ImportLine {
  /** Number of the line in the file, from 1. */
  readonly line: number
  readonly conversation: string
  /** Position in the conversation, from 0. */
  readonly index: number
  /** ISO 8601, UTC. */
  readonly at: string
  readonly author: string
  readonly text: string
  /** Index of the message it answers. */
  readonly replyTo: number | null
}

/** The greatest index: it must fit into the seven last characters of an id. */
const greatestIndex = 32 ** 7 - 1

const index = z.int().min(0).max(greatestIndex)

/** By the rule of titles, but taken as it is: trimmed, two names could become one. */
function name(length: number) {
  return z
    .string()
    .max(length)
    .refine((value) => subject.safeParse(value).success, 'must be one line of text')
}

const schema = z.object({
  conversation: name(limits.subjectLength),
  index,
  at: instant.refine((at) => at >= '1970', 'must not be before 1970'),
  author: name(limits.nameLength),
  text,
  replyTo: index.nullish(),
})

function reasonOf(error: z.ZodError): string {
  return error.issues.map((issue) => [...issue.path, issue.message].join(': ')).join('; ')
}

/**
 * Reads one line by the rules a message sent to the server obeys.
 * @param line its number in the file, from 1
 * @param json the line without its line break
 * @param latest what was said later cannot have been said yet, Unix milliseconds
 * @returns the message, or why it cannot be one
 */
export function parseLine(line: number, json: string, latest: number): ImportLine | Fault {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return { line, reason: 'not JSON' }
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) return { line, reason: reasonOf(parsed.error) }
  if (Date.parse(parsed.data.at) > latest) return { line, reason: 'at: is in the future' }
  return { line, ...parsed.data, replyTo: parsed.data.replyTo ?? null }
}
