import { randomBytes } from 'node:crypto'

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const timeLength = 10
const randomLength = 16

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
  const random = randomBytes(randomLength)
  let out = encodeTime(milliseconds)
  for (const byte of random) out += alphabet[byte % 32]
  return out
}

/** A secret of 256 random bits, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}
