import { invalidField } from '@parley/protocol'

/**
 * Packs where to go on in a list. A cursor only names a position; what may be seen there is checked on every read.
 * @param list name of the list it belongs to
 * @param keys the last item's sort keys
 */
export function encodeCursor(list: string, keys: readonly string[]): string {
  return Buffer.from(JSON.stringify([list, ...keys])).toString('base64url')
}

/**
 * Unpacks a cursor.
 * @param list name of the list it must belong to
 * @param count how many keys it must hold
 * @throws ParleyError `invalid` when it is not a cursor of that list
 */
export function decodeCursor(list: string, cursor: string, count: number): string[] {
  const refuse = invalidField('cursor', 'This cursor does not belong to this list')
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    throw refuse
  }
  if (!Array.isArray(parsed) || parsed.length !== count + 1 || parsed[0] !== list) throw refuse
  const keys: unknown[] = parsed.slice(1)
  if (!keys.every((key): key is string => typeof key === 'string' && !key.includes('\u0000'))) throw refuse
  return keys
}
