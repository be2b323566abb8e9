import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { migrate } from '../db/migrate.ts'
import type { ReadConfig } from './commands.ts'
import { reachDatabase } from './database.ts'
import { say } from './terminal.ts'

const help = `
A server migrates by itself when it starts; this is for doing it beforehand, as an owner of the database.

Examples:
  parley migrate
  DATABASE_URL=postgresql://parley@db.internal/parley parley migrate
`

async function migrateNow(config: Config): Promise<void> {
  const { connection, close } = await reachDatabase(config)
  try {
    const applied = await migrate(connection)
    for (const name of applied) say(`Applied ${name}`)
    say(applied.length === 0 ? 'The database is up to date.' : 'The database is up to date now.')
  } finally {
    await close()
  }
}

/** `parley migrate` */
export function addMigrate(program: Command, readConfig: ReadConfig): void {
  program
    .command('migrate')
    .summary('bring the database up to date')
    .description(
      'Applies the migrations that the database does not have yet. Running servers of the previous version go on.',
    )
    .addHelpText('after', help)
    .action(() => migrateNow(readConfig()))
}
