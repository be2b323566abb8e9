import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import type { Outcome } from './trial.ts'

/** What is kept of a trial. */
export interface Result extends Omit<Outcome, 'fault' | 'sentences'> {
  readonly at: string
  readonly seed: number
  readonly machine: string
}

/** The newest result of each fault, by name. */
export type Results = Readonly<Record<string, Result>>

const file = join(import.meta.dirname, 'results.json')
const sentencesKept = 5

function versionOf(program: string): string {
  try {
    return /\d+(\.\d+)+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? 'unknown'
  } catch {
    return 'absent'
  }
}

/** The machine, and what runs on it. */
function machineLine(): string {
  const [cpu] = cpus()
  const gigabytes = Math.round(totalmem() / 1024 ** 3)
  const programs = ['psql', 'redis-server'].map((program) => `${program} ${versionOf(program)}`)
  return `${cpus().length} x ${cpu?.model.trim()}, ${gigabytes} GB, ${type()} ${release()}, Node ${process.versions.node}, ${programs.join(', ')}`
}

/** Every result that is kept. */
export function readResults(): Results {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
}

/** Keeps the outcome of a trial in its full length, in place of the one before. */
export function keepResult({ fault, sentences, ...outcome }: Outcome, seed: number): void {
  const at = new Date().toISOString().slice(0, 16)
  const broken = outcome.broken.slice(0, sentencesKept)
  const all: Results = { ...readResults(), [fault.name]: { ...outcome, broken, at, seed, machine: machineLine() } }
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`)
}
