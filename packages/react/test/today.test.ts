import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startOfToday, watchDay } from '../src/today.ts'

beforeEach(() => void vi.useFakeTimers({ now: new Date(2026, 2, 28, 23, 59, 30) }))
afterEach(() => void vi.useRealTimers())

test('UI-16 the day turns for all who watch, with one timer, and for nobody who has stopped', () => {
  const days: number[] = []
  const stops = ['one', 'two'].map(() => watchDay(() => days.push(new Date(startOfToday()).getDate())))
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(60_000)
  expect(days).toEqual([29, 29])
  for (const stop of stops) stop()
  expect(vi.getTimerCount()).toBe(0)
})

test('UI-16 a day begins at midnight, also when clocks are changed', () => {
  vi.setSystemTime(new Date(2026, 2, 29, 23, 0))
  expect(startOfToday()).toBe(new Date(2026, 2, 29).getTime())
})
