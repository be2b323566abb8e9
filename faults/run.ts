import { parseArgs } from 'node:util'
import type { Fault } from './fault.ts'
import { faults } from './faults.ts'
import { outcomeTable, writeReport } from './report.ts'
import { keepResult, readResults } from './results.ts'
import { type Outcome, tryFault } from './trial.ts'

const options = {
  only: { type: 'string', default: '' },
  seed: { type: 'string', default: '1' },
  short: { type: 'boolean', default: false },
} as const

const sentencesShown = 20

function choose(only: string): readonly Fault[] {
  const names = only.split(',').filter(Boolean)
  const unknown = names.find((name) => faults.every((fault) => fault.name !== name))
  if (unknown !== undefined) {
    throw new Error(`There is no fault ${unknown}: ${faults.map(({ name }) => name).join(', ')}`)
  }
  return faults.filter(({ name }) => names.length === 0 || names.includes(name))
}

function tell({ fault, broken, notes }: Outcome, seconds: number): void {
  console.log(`${fault.name}: ${broken.length === 0 ? 'kept' : 'BROKEN'} (${seconds.toFixed(0)} s)`)
  for (const note of notes) console.log(`  ${note}`)
  for (const sentence of broken.slice(0, sentencesShown)) console.log(`  broken: ${sentence}`)
}

const { values } = parseArgs({ options })
const { short } = values
const seed = Number(values.seed)
const outcomes: Outcome[] = []
for (const fault of choose(values.only)) {
  const hindrance = fault.hindrance?.()
  if (hindrance !== undefined) {
    console.log(`${fault.name}: cannot be tried here: ${hindrance}`)
    continue
  }
  const begun = performance.now()
  const outcome = await tryFault(fault, { seed, short })
  tell(outcome, (performance.now() - begun) / 1_000)
  outcomes.push(outcome)
  if (!short) keepResult(outcome, seed)
}
if (!short) writeReport(faults, readResults())
console.log(`\n${outcomeTable(outcomes)}`)
process.exit(outcomes.every(({ broken }) => broken.length === 0) ? 0 : 1)
