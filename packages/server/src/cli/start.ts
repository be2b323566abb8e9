import { ParleyError } from '@parley/protocol'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { type DemoPerson, seedDemo } from '../demo/demo.service.ts'
import { demoUsers } from '../demo/demo-people.ts'
import type { Identity } from '../identity/identity.service.ts'
import { createLog } from '../log.ts'
import { type ParleyServer, startServer } from '../server.ts'
import { defaultWorkspaceId } from '../workspaces/workspace.service.ts'
import type { ReadConfig } from './commands.ts'
import { claimDatabase } from './database.ts'
import { baseUrl, linkTo } from './link.ts'
import { hasAccounts } from './people.service.ts'
import { say, table } from './terminal.ts'

const help = `
Without DATABASE_URL it runs a PostgreSQL of its own in PARLEY_DATA_DIR (./data). Outside production a first start makes
a demo workspace and prints links to sign in. Ctrl-C or SIGTERM stops it: what is in flight is finished, at most 10 s.

Examples:
  parley start
  PORT=8080 DATABASE_URL=postgresql://parley@db.internal/parley parley start
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
async function announce(config: Config, { url, services, identity }: ParleyServer): Promise<void> {
  const base = baseUrl({ ...config, port: Number(new URL(url).port) || config.port })
  const people = config.demo ? await seedDemo(services, identity) : null
  if (people !== null) return announceDemo(base, people)
  const link = config.demo ? await demoLink(base, identity) : null
  say(`Parley is ready: ${link ?? base}`)
  const hosted = config.jwt.secret !== undefined || config.jwt.jwksUrl !== undefined
  if (hosted || (await hasAccounts(services.db, defaultWorkspaceId))) return
  say('Nobody can sign in yet. Make the first administrator: parley user create --name NAME --email EMAIL --role admin')
}

async function start(config: Config): Promise<void> {
  const stopped = stopSignal()
  const log = serverLog(config)
  const database = await claimDatabase(config, log)
  try {
    const server = await startServer(config, { connection: database.connection, log })
    try {
      await announce(config, server)
      log.info({ signal: await stopped }, 'stopping')
    } finally {
      await server.close()
    }
  } finally {
    await database.close()
  }
}

/** `parley start` */
export function addStart(program: Command, readConfig: ReadConfig): void {
  program
    .command('start')
    .summary('serve')
    .description('Starts the server: application, API and sockets on one port.')
    .addHelpText('after', help)
    .action(() => start(readConfig()))
}
