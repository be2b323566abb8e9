import { IntlMessageFormat } from 'intl-messageformat'
import { english, type TextKey } from './messages.en.ts'

const locale = 'en'
const formats = new Map<TextKey, IntlMessageFormat>()

/**
 * A text of the interface.
 * @param key its name in the catalogue
 * @param values what its braces are filled with
 */
export function text(key: TextKey, values?: Readonly<Record<string, string | number>>): string {
  const pattern = english[key]
  if (values === undefined) return pattern
  const format = formats.get(key) ?? new IntlMessageFormat(pattern, locale)
  formats.set(key, format)
  return String(format.format(values))
}
