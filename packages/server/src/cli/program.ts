import { Command } from 'commander'
import pkg from '../../package.json' with { type: 'json' }
import { readConfig, readSettings } from '../config.ts'
import { addDoctor } from './doctor.ts'
import { type ExitCode, exitCodes, explain } from './failure.ts'
import { addImport } from './import.ts'
import { addMigrate } from './migrate.ts'
import { addRestored } from './restored.ts'
import { addStart } from './start.ts'
import { complain } from './terminal.ts'
import { addUser } from './user.ts'

const help = `
Examples:
  parley start                                   serve on http://127.0.0.1:4400 with a database of its own
  parley user create --name "Ada" --email ada@example.com --role admin
  parley import history.jsonl.gz --participant usr_42
  parley doctor                                  check the set-up

Configuration comes from the environment: PORT, HOST, PARLEY_DATA_DIR, DATABASE_URL and others; see docs/command-line.md.
Exit codes: 0 done, 1 failed, 2 wrong usage.
`

function createProgram(env: NodeJS.ProcessEnv): Command {
  const program = new Command('parley')
    .description('Real-time messaging for business platforms.')
    .version(pkg.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain the command')
    .helpCommand(false)
    .showHelpAfterError('(add --help for an explanation)')
    .addHelpText('after', help)
    .exitOverride()
  for (const add of [addStart, addMigrate, addImport, addUser, addRestored]) add(program, () => readConfig(env))
  addDoctor(program, () => readSettings(env))
  return program
}

/**
 * Runs the command line.
 * @param args what stands behind `parley`
 * @param env the environment, read when a command needs it
 * @returns the exit code
 */
export async function runProgram(args: readonly string[], env: NodeJS.ProcessEnv): Promise<ExitCode> {
  try {
    await createProgram(env).parseAsync(args, { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    const { text, exitCode } = explain(error)
    if (text !== '') complain(text)
    return exitCode
  }
}
