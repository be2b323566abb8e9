import type { Measurement } from './load/generators.ts'
import { spreadText } from './load/spread.ts'
import type { Run } from './run.ts'

type Pick = (measurement: Measurement) => number

const columns: readonly (readonly [string, Pick])[] = [
  ['messages/s', (each) => each.rate],
  ['ack p50 ms', (each) => each.ack.p50],
  ['ack p99 ms', (each) => each.ack.p99],
  ['deliver p50 ms', (each) => each.deliver.p50],
  ['deliver p99 ms', (each) => each.deliver.p99],
  ['server CPU %', (each) => each.usage.server],
  ['database CPU %', (each) => each.usage.database],
  ['server MB', (each) => each.usage.memory],
  ['others CPU %', (each) => each.usage.foreign],
]

/** Medians of the runs, with least and most, one row for each server. */
export function loadTable(servers: readonly string[], runs: readonly Run[]): string {
  const rows = servers.map((server) => {
    const own = runs.flatMap((run) => (run.server === server && run.measurement ? [run.measurement] : []))
    return [server, ...columns.map(([, pick]) => spreadText(own.map(pick)))]
  })
  const head = ['server', ...columns.map(([name]) => name)]
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
