import { hash, verify } from '@node-rs/argon2'
import { invalidField } from '@parley/protocol'
import { newSecret } from '../ids.ts'
import { isCommonPassword } from './common-passwords.ts'

/** OWASP's recommendation for argon2id: 19 MiB, two passes, one lane. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

const shortest = 8
const longest = 256

let decoy: Promise<string> | undefined

/** The hash to be stored for a password. */
export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize('NFKC'), cost)
}

/**
 * Whether a password fits. Without a stored hash a decoy is verified, so that an unknown account takes as long as a known one.
 * @param stored the account's hash, if it exists and has one
 */
export async function fitsPassword(password: string, stored: string | null | undefined): Promise<boolean> {
  decoy ??= hashPassword(newSecret())
  const fits = await verify(stored ?? (await decoy), password.normalize('NFKC'))
  return fits && typeof stored === 'string'
}

/**
 * Checks a password that is to be set.
 * @param email the account's address, which must not be the password
 * @throws ParleyError `invalid` saying what is wrong with it
 */
export function requireGoodPassword(password: string, email: string): void {
  const refuse = (problem: string) => invalidField('password', problem)
  const length = [...password].length
  if (length < shortest) throw refuse(`The password must have at least ${shortest} characters`)
  if (password.length > longest) throw refuse(`The password must have at most ${longest} characters`)
  const lower = password.toLowerCase()
  const isAddress = lower === email.toLowerCase() || lower === email.toLowerCase().split('@')[0]
  if (isAddress || isCommonPassword(password)) throw refuse('This password is too easy to guess')
}
