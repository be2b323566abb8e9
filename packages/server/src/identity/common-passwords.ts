import { commonWords } from './common-words.ts'

const known = new Set(commonWords)

const walks = [
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
  'azertyuiopqsdfghjklmwxcvbn',
  '01234567890123456789',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm',
  'qazwsxedcrfvtgbyhnujm',
  'zaq12wsxcde34rfvbgt5',
  '!@#$%^&*()_+',
].flatMap((walk) => [walk, [...walk].reverse().join('')])

const lookalikes: Record<string, string> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't',
  '!': 'i',
}

/** The shortest text that, repeated, gives the value: `abcabc` is `abc`. */
function unitOf(value: string): string {
  const at = `${value}${value}`.indexOf(value, 1)
  return value.slice(0, at)
}

function plain(value: string, one: 'i' | 'l'): string {
  return value.replace(/[@430$57!1]/g, (sign) => (sign === '1' ? one : (lookalikes[sign] ?? sign)))
}

function isWalk(core: string): boolean {
  return core.length >= 4 && walks.some((walk) => walk.includes(core))
}

function isWords(core: string): boolean {
  if (known.has(core)) return true
  for (let at = 2; at <= core.length - 2; at += 1) {
    if (known.has(core.slice(0, at)) && known.has(core.slice(at))) return true
  }
  return false
}

/**
 * Whether a password is among the first a guesser would try: a common word or two, whatever digits and signs stand around
 * it or in place of its letters; a walk over the keyboard; digits only; something short repeated.
 */
export function isCommonPassword(password: string): boolean {
  const value = password.toLowerCase()
  const unit = unitOf(value)
  if (new Set(value).size <= 3 || unit.length <= 3 || (/^\P{L}+$/u.test(value) && value.length < 12)) return true
  const trimmed = unit.replace(/^\P{L}+/u, '').replace(/\P{L}+$/u, '')
  return [unit, trimmed, unit.replace(/\d+$/, '')].some(
    (core) => isWalk(core) || isWords(plain(core, 'i')) || isWords(plain(core, 'l')),
  )
}
