import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { createLog } from '../log.ts'
import { type ParleyServer, startServer } from '../server.ts'
import type { ReadConfig } from './commands.ts'
import { claimDatabase } from './database.ts'
import { say } from './terminal.ts'

const help = `
Without DATABASE_URL it runs a PostgreSQL of its own in PARLEY_DATA_DIR (./data). Outside production a first start makes
a demo workspace and prints links to sign in. Ctrl-C or SIGTERM stops it: what is in flight is finished, at most 10 s.

Examples:
  parley start
  PORT=8080 DATABASE_URL=postgresql://parley@db.internal/parley parley start
`

/** Resolves at the first signal to stop. Listening from before the start, so that a stop during it is in order too. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
}

/** On a terminal people read along; everywhere else a program does. */
function serverLog(config: Config): Logger {
  const calm = process.stderr.isTTY && config.logLevel === 'info'
  return createLog({ logLevel: calm ? 'warn' : config.logLevel })
}

async function announce(config: Config, server: ParleyServer): Promise<void> {
  say(`Parley runs at ${config.publicUrl ?? server.url}`)
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
