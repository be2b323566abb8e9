import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeIntoPage } from '../packages/testing/src/written-page.ts'
import { machineLine } from './machine/processes.ts'
import type { Outcome, Plan } from './workloads/workload.ts'
import { type WorkloadName, workloads } from './workloads/workloads.ts'

/** A run as it is kept: the last of each kind. */
interface Kept {
  readonly workload: WorkloadName
  readonly at: string
  readonly machine: string
  readonly revision: string
  readonly command: string
  readonly outcome: Outcome
}

const folder = join(import.meta.dirname, 'results')
const page = join(import.meta.dirname, '../docs/performance.md')

function revision(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: import.meta.dirname }).trim()
  } catch {
    return 'unknown'
  }
}

/** A Markdown table. */
export function tableOf({ columns, rows }: Outcome): string {
  return [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function commandOf(workload: WorkloadName, { servers, runs, seconds, users, rate }: Plan): string {
  const flags = { workload, servers: servers.join(','), runs, seconds, users, rate: rate ?? 'auto' }
  return `npm run bench -- ${Object.entries(flags)
    .map(([name, value]) => `--${name} ${value}`)
    .join(' ')}`
}

/** Keeps a run with what it was run on, in place of the last of its kind. */
export function keep(workload: WorkloadName, plan: Plan, outcome: Outcome): void {
  mkdirSync(folder, { recursive: true })
  const about = { machine: machineLine(), revision: revision(), command: commandOf(workload, plan) }
  const kept: Kept = { workload, at: new Date().toISOString(), ...about, outcome }
  const kind = [workload, plan.rate ?? 'auto', plan.servers.join('+')].join('-')
  writeFileSync(join(folder, `${kind}.json`), `${JSON.stringify(kept, null, 1)}\n`)
}

function sectionOf({ outcome, at, machine, revision, command }: Kept): string {
  const about = `${at.slice(0, 16).replace('T', ' ')} UTC, revision ${revision}, ${machine}`
  return `### ${outcome.title}\n\n${tableOf(outcome)}\n\n${about}\n\n\`${command}\`\n`
}

/** Writes the runs that are kept into docs/performance.md. */
export function writePage(): void {
  const order = Object.keys(workloads)
  const kept = (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => name.endsWith('.json'))
    .map((name): Kept => JSON.parse(readFileSync(join(folder, name), 'utf8')))
    .sort((a, b) => order.indexOf(a.workload) - order.indexOf(b.workload) || a.at.localeCompare(b.at))
  writeIntoPage(page, 'npm run bench', kept.map(sectionOf).join('\n').trimEnd())
}
