import { randomBytes, randomFillSync } from 'node:crypto'

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const timeLength = 10
const randomLength = 16

/** Random bytes are drawn for many ids at once: a draw costs more than the bytes. */
const pool = new Uint8Array(256 * randomLength)
let drawn = pool.length

function drawRandom(): Uint8Array {
  if (drawn === pool.length) {
    randomFillSync(pool)
    drawn = 0
  }
  drawn += randomLength
  return pool.subarray(drawn - randomLength, drawn)
}

function encodeTime(milliseconds: number): string {
  let rest = milliseconds
  let out = ''
  for (let index = 0; index < timeLength; index += 1) {
    out = alphabet[rest % 32] + out
    rest = Math.floor(rest / 32)
  }
  return out
}

/**
 * An id that sorts by time (millisecond) and holds 80 random bits: the ULID layout in lower case.
 * @param milliseconds the time to sort by, Unix milliseconds
 */
export function newId(milliseconds: number): string {
  let out = encodeTime(milliseconds)
  for (const byte of drawRandom()) out += alphabet[byte % 32]
  return out
}

/** A secret of 256 random bits, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * A number below another one: the same for the same text, and about as often each for many texts (FNV-1a, folded).
 * @see http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function spread(text: string, below: number): number {
  let sum = 2_166_136_261
  for (let index = 0; index < text.length; index += 1) sum = Math.imul(sum ^ text.charCodeAt(index), 16_777_619)
  return ((sum ^ (sum >>> 15)) >>> 0) % below
}

/** One key of two texts, which no other two make. */
export function pairKey(first: string, second: string): string {
  return `${first.length} ${first}${second}`
}
