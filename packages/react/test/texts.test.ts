import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dayName, listTime, sameDay } from '../src/dates.ts'
import { english, type TextKey } from '../src/messages.en.ts'
import { text } from '../src/text.ts'

const root = join(import.meta.dirname, '../../..')

function sourcesIn(folder: string): string {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('messages.en.ts'))
    .map((path) => readFileSync(join(root, folder, path), 'utf8'))
    .join('\n')
}

describe('UI-15 texts', () => {
  it('UI-15 every text of the catalogue is used', () => {
    const sources = sourcesIn('packages/react/src') + sourcesIn('apps/web/src')
    const keys = Object.keys(english) as TextKey[]
    const states = ['away']
    expect(keys.filter((key) => !sources.includes(`'${key}'`) && !states.includes(key))).toEqual([])
  })

  it('UI-15 counts are words that fit', () => {
    expect(text('members', { count: 1 })).toBe('1 person')
    expect(text('members', { count: 3 })).toBe('3 people')
  })

  it('UI-15 what people are called is not read as a pattern', () => {
    expect(text('isTyping', { name: "{count} <b>'O'Neil'</b>" })).toBe("{count} <b>'O'Neil'</b> is typing")
  })
})

describe('UI-16 times', () => {
  const now = new Date(2026, 4, 14, 12).getTime()

  it.each([
    [new Date(2026, 4, 14, 9, 5), '09:05'],
    [new Date(2026, 4, 13, 23, 59), 'Yesterday'],
    [new Date(2026, 4, 10, 8), 'Sun'],
    [new Date(2026, 0, 2, 8), '2 Jan'],
    [new Date(2025, 11, 31, 8), '31/12/25'],
  ])('UI-16 %s in the list is %s', (at, name) => {
    expect(listTime(at.toISOString(), now)).toBe(name)
  })

  it.each([
    [new Date(2026, 4, 14, 0, 1), 'Today'],
    [new Date(2026, 4, 13, 0, 1), 'Yesterday'],
    [new Date(2026, 4, 12, 8), 'Tuesday 12 May'],
    [new Date(2025, 4, 13, 8), 'Tuesday 13 May 2025'],
  ])('UI-16 the day of %s is %s', (at, name) => {
    expect(dayName(at.toISOString(), now)).toBe(name)
  })

  it('UI-16 a day ends at midnight here, not elsewhere', () => {
    expect(sameDay(new Date(2026, 4, 14, 0).toISOString(), new Date(2026, 4, 14, 23, 59).toISOString())).toBe(true)
    expect(sameDay(new Date(2026, 4, 14, 23, 59).toISOString(), new Date(2026, 4, 15).toISOString())).toBe(false)
  })
})
