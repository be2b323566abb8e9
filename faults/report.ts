import type { Outcome } from './trial.ts'

const head = [
  'fault',
  'operations',
  'acknowledged',
  'lost',
  'doubled',
  'out of order',
  'leaked',
  'worst recovery (s)',
  'promise kept',
]

/** The cells of a row. */
function cells({ fault, worstRecovery, broken, ...counts }: Outcome): string[] {
  const { operations, acknowledged, lost, doubled, disordered, leaked } = counts
  const figures = [operations, acknowledged, lost, doubled, disordered, leaked].map(String)
  return [fault.title, ...figures, worstRecovery.toFixed(2), broken.length === 0 ? 'yes' : '**no**']
}

function line(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |`
}

/** The outcomes as a table of Markdown. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  return [
    line(head),
    line(head.map((_, index) => (index === 0 || index === head.length - 1 ? '---' : '---:'))),
    ...outcomes.map((each) => line(cells(each))),
  ].join('\n')
}
