import { join } from 'node:path'
import { writeIntoPage } from '../packages/testing/src/written-page.ts'
import type { Fault } from './fault.ts'
import type { Result, Results } from './results.ts'
import type { Outcome } from './trial.ts'
import { untried } from './untried.ts'

const counted = ['operations', 'acknowledged', 'lost', 'doubled', 'out of order', 'leaked']
const head = ['fault', ...counted, 'worst recovery (s)', 'promise kept']

function line(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |`
}

function rule(columns: readonly string[]): string {
  return line(columns.map((name) => (counted.includes(name) || name.startsWith('worst') ? '---:' : '---')))
}

function cells({ title }: Fault, { worstRecovery, broken, ...counts }: Omit<Outcome, 'fault' | 'sentences'>): string[] {
  const { operations, acknowledged, lost, doubled, disordered, leaked } = counts
  const figures = [operations, acknowledged, lost, doubled, disordered, leaked].map(String)
  return [title, ...figures, worstRecovery.toFixed(2), broken.length === 0 ? 'yes' : '**no**']
}

/** The outcomes as a table of Markdown. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  return [line(head), rule(head), ...outcomes.map((each) => line(cells(each.fault, each)))].join('\n')
}

function noteLines(fault: Fault, { at, seed, notes, broken }: Result): string[] {
  const found = broken.map((sentence) => `not kept: ${sentence}`)
  return [`- **${fault.title}** (${at}, seed ${seed}): ${[fault.promise, ...notes, ...found].join('. ')}.`]
}

function untriedLines(faults: readonly Fault[], results: Results): string[] {
  const left = faults.filter(({ name }) => !results[name])
  const hindered = left.map((fault) => line([fault.title, fault.hindrance?.() ?? 'not tried yet']))
  return [...hindered, ...untried.map(([fault, why]) => line([fault, why]))]
}

/** Writes the results into `docs/faults.md`, between its marks. */
export function writeReport(faults: readonly Fault[], results: Results): void {
  const tried = faults.flatMap((fault) => {
    const result = results[fault.name]
    return result ? [{ fault, result }] : []
  })
  const machines = [...new Set(tried.map(({ result }) => result.machine))]
  const dates = tried.map(({ result }) => result.at).sort((a, b) => a.localeCompare(b))
  const written = [
    `Tried from ${dates[0]} to ${dates.at(-1)} (UTC) on ${machines.join('; ')}.`,
    '',
    [line(head), rule(head), ...tried.map(({ fault, result }) => line(cells(fault, result)))].join('\n'),
    '',
    '### In detail',
    '',
    tried.flatMap(({ fault, result }) => noteLines(fault, result)).join('\n'),
    '',
    '### Not tried here',
    '',
    [line(['fault', 'why']), line(['---', '---']), ...untriedLines(faults, results)].join('\n'),
  ].join('\n')
  writeIntoPage(join(import.meta.dirname, '../docs/faults.md'), 'npm run faults', written)
}
