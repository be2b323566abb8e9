import { createHash } from 'node:crypto'

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const idLength = 26
const indexLength = 7

function hash(length: number, ...parts: readonly string[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest()
  let out = ''
  for (const byte of digest.subarray(0, length)) out += alphabet[byte % 32]
  return out
}

function encodeIndex(index: number): string {
  let rest = index
  let out = ''
  for (let place = 0; place < indexLength; place += 1) {
    out = alphabet[rest % 32] + out
    rest = Math.floor(rest / 32)
  }
  return out
}

/** The id of an imported person: the same for the same source and name, in every run. */
export function importedUserId(source: string, author: string): string {
  return hash(idLength, 'user', source, author)
}

/** The ids of an imported conversation and of everything in it: the same in every run. */
export interface ImportedIds {
  readonly conversationId: string
  readonly clientKey: string
  /** Ids of a conversation's messages sort by index. */
  messageId(index: number): string
  messageKey(index: number): string
}

/**
 * The ids of a conversation of a source.
 * @param source what the import is called
 * @param conversation the conversation's name in the source
 */
export function importedIds(source: string, conversation: string): ImportedIds {
  const conversationId = hash(idLength, 'conversation', source, conversation)
  const key = conversationId.slice(0, idLength - indexLength)
  return {
    conversationId,
    clientKey: `import:${key}`,
    messageId: (index) => key + encodeIndex(index),
    messageKey: (index) => `import:${key}:${index}`,
  }
}
