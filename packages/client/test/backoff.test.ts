import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoff } from '../src/backoff.ts'

const almostOne = 1 - 2 ** -32

test('CL-20 the first wait is 0.5 to 1 s', () => {
  expect(backoff(0, () => 0)).toBe(500)
  expect(backoff(0, () => almostOne)).toBeCloseTo(1_000)
})

test.each([
  [1, 2_000],
  [2, 4_000],
  [3, 8_000],
  [4, 16_000],
  [5, 20_000],
  [1_000_000, 20_000],
])('CL-20 after %i failures the span is 0.5 s to %i ms', (failures, longest) => {
  expect(backoff(failures, () => 0)).toBe(500)
  expect(backoff(failures, () => 0.5)).toBe(longest / 2)
  expect(backoff(failures, () => almostOne)).toBeCloseTo(longest, 3)
})

test('CL-20 no wait is under 0.5 s or over 20 s', () => {
  const uniform = fc.double({ min: 0, max: almostOne, noNaN: true })
  fc.assert(
    fc.property(fc.nat(), uniform, (failures, random) => {
      const wait = backoff(failures, () => random)
      expect(wait).toBeGreaterThanOrEqual(500)
      expect(wait).toBeLessThanOrEqual(20_000)
    }),
  )
})
