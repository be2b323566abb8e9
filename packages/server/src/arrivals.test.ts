import { expect, test } from 'vitest'
import { Arrivals } from './arrivals.ts'

test('G6 what moved while somebody arrives is known to him, and forgotten after him', () => {
  const arrivals = new Arrivals()
  const one = arrivals.begin()
  arrivals.note('a', 5)
  arrivals.note('a', 3)
  expect([arrivals.seqOf('a'), arrivals.seqOf('b')]).toEqual([5, 0])
  arrivals.end(one)
  arrivals.note('a', 6)
  expect([arrivals.seqOf('a'), arrivals.size]).toEqual([0, 0])
})

test('G6 a steady stream of people who arrive keeps no more notes than were made while they did', () => {
  const arrivals = new Arrivals()
  let before = arrivals.begin()
  for (let count = 0; count < 1_000; count += 1) {
    arrivals.note(`conversation ${count}`, 1)
    const next = arrivals.begin()
    arrivals.end(before)
    before = next
    expect(arrivals.size).toBeLessThanOrEqual(1)
  }
})

test('G6 a note is kept for the one who arrived first, however many come and go meanwhile', () => {
  const arrivals = new Arrivals()
  const first = arrivals.begin()
  arrivals.note('a', 1)
  for (let count = 0; count < 10; count += 1) arrivals.end(arrivals.begin())
  expect(arrivals.seqOf('a')).toBe(1)
  arrivals.end(first)
  expect(arrivals.size).toBe(0)
})
