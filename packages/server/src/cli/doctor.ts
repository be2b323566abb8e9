import type { Command } from 'commander'
import type { Settings } from '../config.ts'
import { checkAccess, checkMigrations, checkVersion } from './check-database.service.ts'
import { checkConfig, checkDataDirectory, checkNode, checkPort, checkWeb } from './check-machine.ts'
import { checkKeySet, checkRedis } from './check-services.ts'
import type { ReadSettings } from './commands.ts'
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

function machineChecks(settings: Settings): Check[] {
  const { redisUrl, jwt } = settings
  const { jwksUrl } = jwt
  return [
    { name: 'Data directory', run: () => checkDataDirectory(settings) },
    { name: 'Port', run: () => checkPort(settings) },
    ...(redisUrl === undefined ? [] : [{ name: 'Redis', run: () => checkRedis(redisUrl) }]),
    ...(jwksUrl === undefined ? [] : [{ name: 'Key set', run: () => checkKeySet(jwksUrl) }]),
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

async function examineDatabase(settings: Settings): Promise<Finding[]> {
  if (isFresh(settings)) return [{ name: 'Database', good: true, detail: 'none yet; the first start makes it' }]
  let reachable: Reachable
  try {
    reachable = await reachDatabase(settings)
  } catch (error) {
    return [await examine({ name: 'Database', run: () => Promise.reject(error) })]
  }
  try {
    return await examineAll(databaseChecks(reachable))
  } finally {
    await reachable.close()
  }
}

async function examineInstallation(readSettings: ReadSettings): Promise<Finding[]> {
  const first = await examineAll([
    { name: 'Node', run: checkNode },
    { name: 'Application', run: checkWeb },
    { name: 'Configuration', run: () => checkConfig(readSettings) },
  ])
  if (first.some(({ name, good }) => name === 'Configuration' && !good)) return first
  const settings = readSettings()
  return [...first, ...(await examineAll(machineChecks(settings))), ...(await examineDatabase(settings))]
}

async function doctor(readSettings: ReadSettings): Promise<void> {
  const findings = await examineInstallation(readSettings)
  for (const line of table(findings.map(({ name, good, detail }) => [good ? '✓' : '✗', name, detail]))) say(line)
  const faults = findings.filter(({ good }) => !good).length
  if (faults > 0) throw new CommandFailure(`${counted(faults, 'fault')} found.`)
  say('Everything is in order.')
}

/** `parley doctor` */
export function addDoctor(program: Command, readSettings: ReadSettings): void {
  program
    .command('doctor')
    .summary('check the set-up')
    .description(
      'Checks the configuration, the data directory, the port, the database and what protects it, Redis, the key set and the program.',
    )
    .addHelpText('after', help)
    .action(() => doctor(readSettings))
}
