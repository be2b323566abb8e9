import { ParleyError } from '@parley/protocol'
import { type Command, InvalidArgumentError } from 'commander'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Services } from '../context.ts'
import { migrate } from '../db/migrate.ts'
import { type DemoPerson, seedDemo } from '../demo/demo.service.ts'
import { demoUsers } from '../demo/demo-people.ts'
import { createIdentity, type Identity } from '../identity/identity.service.ts'
import { createLog } from '../log.ts'
import { startServer } from '../server.ts'
import { defaultWorkspaceId } from '../workspaces/workspace.service.ts'
import type { ReadConfig } from './commands.ts'
import { claimDatabase, type Reachable, usingServices } from './database.ts'
import { baseUrl, linkTo } from './link.ts'
import { hasAccounts } from './people.service.ts'
import { startProcesses } from './processes.ts'
import { say, table } from './terminal.ts'

const help = `
Without DATABASE_URL it runs a PostgreSQL of its own in PARLEY_DATA_DIR (./data). Outside production a first start makes
a demo workspace and prints links to sign in. Ctrl-C or SIGTERM stops it: what is in flight is finished, at most 10 s.

Examples:
  parley start
  PORT=8080 DATABASE_URL=postgresql://parley@db.internal/parley parley start
  parley start --processes 4
`

/**
 * Resolves at the first signal to stop; more of them change nothing, as a terminal and a parent process may both send one.
 * Listening from before the start, so that a stop during it is in order too.
 */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.on('SIGINT', resolve)
    process.on('SIGTERM', resolve)
  })
}

/** On a terminal people read along; everywhere else a program does. */
function serverLog(config: Config): Logger {
  const calm = process.stderr.isTTY && config.logLevel === 'info'
  return createLog({ logLevel: calm ? 'warn' : config.logLevel })
}

function announceDemo(base: string, people: readonly DemoPerson[]): void {
  const [first] = people
  if (!first) return
  say(`Parley is ready: ${linkTo(base, first.token)}`)
  say()
  say('A demo workspace was made. These links sign in, each once, within a day:')
  for (const line of table(people.map(({ name, role, token }) => [name, role, linkTo(base, token)]))) say(`  ${line}`)
}

/** A link for the demo's administrator at a later start, while the demo is there. */
async function demoLink(base: string, identity: Identity): Promise<string | null> {
  try {
    return linkTo(base, await identity.createSignInLink(defaultWorkspaceId, demoUsers.ana.id))
  } catch (error) {
    if (error instanceof ParleyError && error.code === 'not_found') return null
    throw error
  }
}

/** Says where the inbox is, in one link that opens it, and how to get in. */
async function announce(config: Config, url: string, services: Services, identity: Identity): Promise<void> {
  const base = baseUrl({ ...config, port: Number(new URL(url).port) || config.port })
  const people = config.demo ? await seedDemo(services, identity) : null
  if (people !== null) return announceDemo(base, people)
  const link = config.demo ? await demoLink(base, identity) : null
  say(`Parley is ready: ${link ?? base}`)
  const hosted = config.jwt.secret !== undefined || config.jwt.jwksUrl !== undefined
  if (hosted || (await hasAccounts(services.db, defaultWorkspaceId))) return
  say('Nobody can sign in yet. Make the first administrator: parley user create --name NAME --email EMAIL --role admin')
}

interface Serving {
  close(): Promise<void>
}

async function serveAlone(config: Config, connection: Reachable['connection'], log: Logger): Promise<Serving> {
  const server = await startServer(config, { connection, log })
  try {
    await announce(config, server.url, server.services, server.identity)
    return server
  } catch (error) {
    await server.close()
    throw error
  }
}

async function serveTogether(
  count: number,
  config: Config,
  connection: Reachable['connection'],
  log: Logger,
): Promise<Serving> {
  await migrate(connection)
  const processes = await startProcesses(count, config, { connection, log })
  try {
    await usingServices(connection, log, (services) => {
      return announce(config, processes.url, services, createIdentity(services, config))
    })
    return processes
  } catch (error) {
    await processes.close()
    throw error
  }
}

async function start(config: Config, count: number): Promise<void> {
  const stopped = stopSignal()
  const log = serverLog(config)
  const database = await claimDatabase(config, log, count)
  try {
    const serving = await (count === 1
      ? serveAlone(config, database.connection, log)
      : serveTogether(count, config, database.connection, log))
    log.info({ signal: await stopped }, 'stopping')
    await serving.close()
  } finally {
    await database.close()
  }
}

const mostProcesses = 64

function parseProcesses(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= mostProcesses) return count
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${mostProcesses}.`)
}

/** `parley start` */
export function addStart(program: Command, readConfig: ReadConfig): void {
  program
    .command('start')
    .summary('serve')
    .description('Starts the server: application, API and sockets on one port.')
    .option('--processes <count>', 'how many processes serve the port, one for each core to use', parseProcesses, 1)
    .addHelpText('after', help)
    .action(({ processes }: { processes: number }) => start(readConfig(), processes))
}
