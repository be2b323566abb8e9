import { ParleyError } from '@parley/protocol'
import { CommanderError } from 'commander'
import { ConfigError } from '../config.ts'
import { isAway } from '../db/connections.ts'
import { DataDirectoryInUse } from '../db/data-directory.ts'
import { MigrationRefused } from '../db/migrate.ts'

/** What the program answers to the shell. */
export const exitCodes = { ok: 0, failure: 1, usage: 2 } as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** A failure that is the caller's or the machine's, not a bug: told in a sentence, without a stack. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode = exitCodes.failure) {
    super(message)
    this.name = 'CommandFailure'
    this.exitCode = exitCode
  }
}

/** Says what was not found, which the server's own answer never tells. */
export async function named<Result>(work: Promise<Result>, message: string): Promise<Result> {
  try {
    return await work
  } catch (error) {
    throw error instanceof ParleyError && error.code === 'not_found' ? new CommandFailure(message) : error
  }
}

/** How a command ended badly: what to print (empty for nothing more) and the exit code. */
export interface Explanation {
  readonly text: string
  readonly exitCode: ExitCode
}

const systemMessages: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file or folder',
  EACCES: 'No permission',
  EPERM: 'No permission',
  EISDIR: 'This is a folder, not a file',
  ENOTDIR: 'There is a file where a folder should be',
  EEXIST: 'There is a file where a folder should be',
  ENOSPC: 'The disk is full',
  EADDRINUSE: 'The port is in use by another program; choose another with PORT',
  ENOTFOUND: 'No machine has that name',
  EADDRNOTAVAIL: 'This machine does not have that address; check HOST',
}

function systemText(error: NodeJS.ErrnoException): string | null {
  const message = systemMessages[error.code ?? '']
  if (message === undefined) return null
  const { path = 'hostname' in error ? String(error.hostname) : undefined } = error
  return path === undefined ? `${message}.` : `${message}: ${path}`
}

function fail(text: string): Explanation {
  return { text: `parley: ${text}`, exitCode: exitCodes.failure }
}

const expectedKinds = [ParleyError, ConfigError, DataDirectoryInUse, MigrationRefused] as const

function isExpected(error: unknown): error is Error {
  return expectedKinds.some((kind) => error instanceof kind)
}

/** Puts any error into words. Only a bug is shown with its stack. */
export function explain(error: unknown): Explanation {
  if (error instanceof CommanderError) {
    return { text: '', exitCode: error.exitCode === 0 ? exitCodes.ok : exitCodes.usage }
  }
  if (error instanceof CommandFailure) return { ...fail(error.message), exitCode: error.exitCode }
  if (error instanceof ParleyError && error.code === 'unavailable') {
    const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
    return fail(`The database does not answer${cause}. What was committed stays; run the command again.`)
  }
  if (isExpected(error)) return fail(error.message)
  if (!(error instanceof Error)) return fail(String(error))
  const system = systemText(error)
  if (system !== null) return fail(system)
  if (isAway(error)) return fail(`The database cannot be reached: ${error.message}`)
  return fail(`This should not happen; please report it.\n${error.stack ?? error.message}`)
}
