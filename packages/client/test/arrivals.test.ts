import { expect, test } from 'vitest'
import { Arrivals } from '../src/arrivals.ts'
import { FakeClock } from './fake-clock.ts'

function arriving() {
  const clock = new FakeClock()
  const asked: string[] = []
  const arrivals = new Arrivals({
    clock,
    load: (id) => void asked.push(id),
    reloadLists: async () => void asked.push('lists'),
  })
  const meet = (count: number) => {
    for (let i = 0; i < count; i += 1) arrivals.meet(`c${i}`)
  }
  return { clock, arrivals, asked, meet }
}

test('CL-63 conversations that move into view are loaded at once, a few in a second', async () => {
  const { clock, asked, meet } = arriving()
  meet(20)
  expect(asked).toHaveLength(20)
  await clock.advance(1_000)
  meet(20)
  await clock.advance(1_000)
  expect(asked).toHaveLength(40)
  expect(asked).not.toContain('lists')
})

test('CL-63 when many move, lists are loaded again once in a second', async () => {
  const { clock, asked, meet } = arriving()
  meet(10_000)
  expect(asked).toHaveLength(20)
  await clock.advance(1_000)
  expect(asked.slice(20)).toEqual(['lists'])
  await clock.advance(5_000)
  expect(asked).toHaveLength(21)
})

test('CL-63 nothing is loaded for what was given up', async () => {
  const { clock, asked, arrivals, meet } = arriving()
  meet(21)
  arrivals.reset()
  await clock.advance(5_000)
  expect(asked).toHaveLength(20)
})
