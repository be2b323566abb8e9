import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { newSecret } from './ids.ts'

const cipher = 'aes-256-gcm'
const nonceLength = 12
const tagLength = 16

/** Each text has a key of its own, so that no key is ever used often. */
function keyOf(secret: string, about: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, about, 'parley cache', 32))
}

/**
 * Seals a text: who does not know the secret can neither read it nor make another one.
 * @param about what the text is of: only with the same words it opens again
 */
export function seal(secret: string, about: string, text: string): Buffer {
  const nonce = Buffer.from(newSecret(), 'base64url').subarray(0, nonceLength)
  const sealing = createCipheriv(cipher, keyOf(secret, about), nonce)
  const body = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()])
  return Buffer.concat([nonce, sealing.getAuthTag(), body])
}

/** The text that was sealed; undefined when it was with another secret, about something else, or not by {@link seal} at all. */
export function openSealed(secret: string, about: string, sealed: Buffer): string | undefined {
  if (sealed.length < nonceLength + tagLength) return undefined
  const nonce = sealed.subarray(0, nonceLength)
  const opening = createDecipheriv(cipher, keyOf(secret, about), nonce, { authTagLength: tagLength })
  opening.setAuthTag(sealed.subarray(nonceLength, nonceLength + tagLength))
  try {
    return opening.update(sealed.subarray(nonceLength + tagLength), undefined, 'utf8') + opening.final('utf8')
  } catch {
    return undefined
  }
}
