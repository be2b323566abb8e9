import { expect, test } from 'vitest'
import type { Fault } from './fault.ts'
import { faults } from './faults.ts'
import { tryFault } from './trial.ts'

const seed = 1

function named(name: string): Fault {
  const fault = faults.find((each) => each.name === name)
  if (!fault) throw new Error(`There is no fault ${name}`)
  return fault
}

test.each([
  ['G1 G2 G4 G6', 'kill'],
  ['G1 G6', 'rolling'],
])('%s hold through the fault %s', async (_rules, name) => {
  const outcome = await tryFault(named(name), { seed, short: true })
  expect(outcome.broken).toEqual([])
  expect(outcome.acknowledged).toBeGreaterThan(100)
  expect(outcome.acknowledged).toBe(outcome.operations)
})
