import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { TestDatabase } from '@parley/testing'

const program = join(import.meta.dirname, '../../main.ts')

/** How a run of the program ended. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** The program, running. */
export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Waits for a line on standard output. */
  line(pattern: RegExp): Promise<string>
}

/** An environment that reaches a test's database and keeps files in a folder. */
export function environment(database: TestDatabase, dataDir: string): NodeJS.ProcessEnv {
  const { host, user, database: name } = database.connection
  return {
    PATH: process.env.PATH,
    DATABASE_URL: `postgresql://${user}@localhost/${name}?host=${encodeURIComponent(String(host))}`,
    PARLEY_DATA_DIR: dataDir,
    PORT: '0',
  }
}

/** Starts the program in a process of its own. */
export function startParley(env: NodeJS.ProcessEnv, args: readonly string[], input = ''): Running {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: 'pipe' })
  const seen = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    seen.out += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    seen.err += chunk.toString()
  })
  child.stdin.end(input)
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, ...seen })))
  const find = (pattern: RegExp) => seen.out.split('\n').find((line) => pattern.test(line))
  const line = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find(pattern)
        if (found !== undefined) resolve(found)
      }
      child.stdout.on('data', look)
      child.once('close', () => reject(new Error(`No line ${pattern}:\n${seen.out}${seen.err}`)))
      look()
    })
  return { child, ended, line }
}

/** Runs the program to its end. */
export function parley(env: NodeJS.ProcessEnv, args: readonly string[], input?: string): Promise<Ended> {
  return startParley(env, args, input).ended
}
