import type { Command } from 'commander'
import type { Config } from '../config.ts'
import type { ReadConfig } from './commands.ts'
import { claimDatabase, commandLog, isFresh } from './database.ts'
import { CommandFailure } from './failure.ts'
import { mendRestored } from './restored.service.ts'
import { counted, say } from './terminal.ts'

const help = `
Run it after every restore to an earlier state, before the first server starts. It refuses while a server runs on the database.
Clients notice that the history is another one and load afresh; everybody signs in again. Running it twice does no harm.

Examples:
  parley restored
  DATABASE_URL=postgresql://parley@db.internal/parley parley restored
`

async function restored(config: Config): Promise<void> {
  if (isFresh(config)) throw new CommandFailure(`There is no database in ${config.dataDir}; put the backup back first.`)
  const { connection, close } = await claimDatabase(config, commandLog(config))
  try {
    const { epoch, changes, sessions, links } = await mendRestored(connection)
    say(`The database has a new epoch: ${epoch}`)
    say(`Ended: ${counted(sessions, 'session')}, ${counted(links, 'sign-in link')}.`)
    if (changes > 0) say(`Took over ${counted(changes, 'change')} of another cluster.`)
    say('Empty Redis if there is one, then start the servers.')
  } finally {
    await close()
  }
}

/** `parley restored` */
export function addRestored(program: Command, readConfig: ReadConfig): void {
  program
    .command('restored')
    .summary('make a restored backup fit to be served')
    .description(
      'Gives a restored database a new epoch, mends what came from another cluster, and ends sessions and sign-in links.',
    )
    .addHelpText('after', help)
    .action(() => restored(readConfig()))
}
