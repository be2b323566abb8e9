import { z } from 'zod'
import { limits } from './limits.ts'
import { hasText } from './text.ts'

const controlCharacters = /[\u0000-\u001f\u007f]/
const nul = /\u0000/

/** An id: made by Parley (time-sortable) or chosen by the host (taken as it is). */
export const id = z
  .string()
  .min(1)
  .max(limits.idLength)
  .refine((value) => !controlCharacters.test(value), 'must not hold control characters')

/** A position in a conversation's line; 0 is before the first change. */
export const seq = z.int().min(0)

/** A number as a query string carries it: digits, and nothing else that a program might take for one. */
export function digits(number: z.ZodInt) {
  return z.preprocess((given) => (typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given), number)
}

/** A position given in a query string. */
export const seqParameter = digits(seq)

/** How many items a page may hold. */
export const pageSize = digits(z.int().min(1).max(limits.pageMax)).default(limits.pageDefault)

/** A moment, ISO 8601 in UTC, set by the database. */
export const instant = z.iso.datetime({ error: 'must be a time in UTC, such as 2026-05-01T09:30:00Z' })

/** Where to go on in a list; opaque. */
export const cursor = z.string().min(1).max(512)

/** The caller's own key for a write: the same key again is the same write, never a second one. */
export const clientKey = z
  .string()
  .regex(/^[\w.:-]+$/)
  .min(8)
  .max(limits.clientKeyLength)

/** What a person wrote. */
export const text = z
  .string()
  .max(limits.textLength)
  .refine(hasText, 'must not be empty')
  .refine((value) => !nul.test(value) && value.isWellFormed(), 'must be well-formed text')

/** A one-line title. */
export const subject = z
  .string()
  .trim()
  .min(1)
  .max(limits.subjectLength)
  .refine((value) => !controlCharacters.test(value) && value.isWellFormed(), 'must be one line of text')
