import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { checkAccess, checkMigrations, checkVersion } from './check-database.service.ts'
import { checkConfig, checkDataDirectory, checkNode, checkPort, checkWeb } from './check-machine.ts'
import type { ReadConfig } from './commands.ts'
import { isFresh, type Reachable, reachDatabase } from './database.ts'
import { CommandFailure, explain } from './failure.ts'
import { counted, say, table } from './terminal.ts'

const help = `
It changes nothing, and may run beside a running server. The exit code is 1 when anything is at fault.

Example:
  parley doctor
`

/** A thing to look at: answers what it found, or throws what is wrong. */
interface Check {
  readonly name: string
  run(): Promise<string> | string
}

interface Finding {
  readonly name: string
  readonly good: boolean
  readonly detail: string
}

async function examine({ name, run }: Check): Promise<Finding> {
  try {
    return { name, good: true, detail: await run() }
  } catch (error) {
    return {
      name,
      good: false,
      detail: explain(error)
        .text.replace(/^parley: /, '')
        .replaceAll(/\s+/g, ' '),
    }
  }
}

function machineChecks(config: Config): Check[] {
  return [
    { name: 'Data directory', run: () => checkDataDirectory(config) },
    { name: 'Port', run: () => checkPort(config) },
  ]
}

function databaseChecks({ connection }: Reachable): Check[] {
  return [
    { name: 'Database', run: () => checkVersion(connection) },
    { name: 'Migrations', run: () => checkMigrations(connection) },
    { name: 'Row-level security', run: () => checkAccess(connection) },
  ]
}

async function examineAll(checks: readonly Check[]): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const check of checks) findings.push(await examine(check))
  return findings
}

async function examineDatabase(config: Config): Promise<Finding[]> {
  if (isFresh(config)) return [{ name: 'Database', good: true, detail: 'none yet; the first start makes it' }]
  let reachable: Reachable
  try {
    reachable = await reachDatabase(config)
  } catch (error) {
    return [await examine({ name: 'Database', run: () => Promise.reject(error) })]
  }
  try {
    return await examineAll(databaseChecks(reachable))
  } finally {
    await reachable.close()
  }
}

async function examineInstallation(readConfig: ReadConfig): Promise<Finding[]> {
  const first = await examineAll([
    { name: 'Node', run: checkNode },
    { name: 'Application', run: checkWeb },
    { name: 'Configuration', run: () => checkConfig(readConfig) },
  ])
  if (first.some(({ name, good }) => name === 'Configuration' && !good)) return first
  const config = readConfig()
  return [...first, ...(await examineAll(machineChecks(config))), ...(await examineDatabase(config))]
}

async function doctor(readConfig: ReadConfig): Promise<void> {
  const findings = await examineInstallation(readConfig)
  for (const line of table(findings.map(({ name, good, detail }) => [good ? '✓' : '✗', name, detail]))) say(line)
  const faults = findings.filter(({ good }) => !good).length
  if (faults > 0) throw new CommandFailure(`${counted(faults, 'fault')} found.`)
  say('Everything is in order.')
}

/** `parley doctor` */
export function addDoctor(program: Command, readConfig: ReadConfig): void {
  program
    .command('doctor')
    .summary('check the set-up')
    .description(
      'Checks the configuration, the data directory, the database and what protects it, the port and the program.',
    )
    .addHelpText('after', help)
    .action(() => doctor(readConfig))
}
