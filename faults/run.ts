import { parseArgs } from 'node:util'
import { faults } from './faults.ts'
import { outcomeTable } from './report.ts'
import { type Outcome, tryFault } from './trial.ts'

const options = {
  only: { type: 'string', default: '' },
  seed: { type: 'string', default: '1' },
  short: { type: 'boolean', default: false },
} as const

function tell({ fault, broken, notes }: Outcome, seconds: number): void {
  console.log(`${fault.name}: ${broken.length === 0 ? 'kept' : 'BROKEN'} (${seconds.toFixed(0)} s)`)
  for (const note of notes) console.log(`  ${note}`)
  for (const sentence of broken.slice(0, 20)) console.log(`  broken: ${sentence}`)
}

const { values } = parseArgs({ options })
const names = values.only.split(',').filter(Boolean)
const unknown = names.find((name) => faults.every((fault) => fault.name !== name))
if (unknown !== undefined) throw new Error(`There is no fault ${unknown}: ${faults.map(({ name }) => name).join(', ')}`)
const chosen = faults.filter(({ name }) => names.length === 0 || names.includes(name))
const outcomes: Outcome[] = []
for (const fault of chosen) {
  const begun = performance.now()
  const outcome = await tryFault(fault, { seed: Number(values.seed), short: values.short })
  tell(outcome, (performance.now() - begun) / 1_000)
  outcomes.push(outcome)
}
console.log(`\n${outcomeTable(outcomes)}`)
process.exit(outcomes.every(({ broken }) => broken.length === 0) ? 0 : 1)
