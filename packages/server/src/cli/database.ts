import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import type { Logger } from 'pino'
import { localBus } from '../bus.ts'
import { noCache } from '../cache.ts'
import { systemClock } from '../clock.ts'
import type { Config, Settings } from '../config.ts'
import { idsFrom, type Services } from '../context.ts'
import { holderOf } from '../db/data-directory.ts'
import { openDatabase } from '../db/database.ts'
import { connectionOf, startEmbedded } from '../db/embedded.ts'
import { migrate } from '../db/migrate.ts'
import { Groups } from '../groups.ts'
import { createLog } from '../log.ts'
import { Seats } from '../write-seats.ts'

/** A database that can be reached as its owner until it is closed. */
export interface Reachable {
  readonly connection: pg.PoolConfig
  close(): Promise<void>
}

const nothingToClose = (): Promise<void> => Promise.resolve()

/** The log of a command that does one thing: what is worth saying then is a warning. */
export function commandLog(config: Pick<Config, 'logLevel'>): Logger {
  return createLog({ logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel })
}

/** An embedded database that was never started: looking must not make it. */
export function isFresh({ databaseUrl, dataDir }: Settings): boolean {
  return databaseUrl === undefined && !existsSync(join(dataDir, 'postgres'))
}

/**
 * The database of a server: the one that is named, or an embedded one of its own.
 * @param processes how many processes of the server will use it
 */
export async function claimDatabase(
  { databaseUrl, dataDir }: Settings,
  log: Logger,
  processes?: number,
): Promise<Reachable> {
  if (databaseUrl !== undefined) return { connection: { connectionString: databaseUrl }, close: nothingToClose }
  const embedded = await startEmbedded(dataDir, log, processes)
  return { connection: embedded.connection, close: () => embedded.stop() }
}

/** The database of a command: like a server's, but where a server runs on the data directory, the command joins it. */
export async function reachDatabase(config: Settings): Promise<Reachable> {
  if (config.databaseUrl === undefined && (await holderOf(config.dataDir)) !== null) {
    return { connection: connectionOf(realpathSync(config.dataDir)), close: nothingToClose }
  }
  return claimDatabase(config, commandLog(config))
}

/** Runs work on the migrated database with connections of its own, and closes them. */
export async function usingServices<Result>(
  connection: pg.PoolConfig,
  log: Logger,
  work: (services: Services) => Promise<Result>,
): Promise<Result> {
  const db = await openDatabase(connection, log, 6)
  try {
    const ids = idsFrom(systemClock)
    const here = { bus: localBus(ids()), groups: new Groups(), seats: new Seats(), cache: noCache }
    return await work({ db, ...here, clock: systemClock, ids, log })
  } finally {
    await db.close()
  }
}

/** Runs a command's work on the migrated database and closes everything after it. */
export async function withServices<Result>(
  config: Config,
  work: (services: Services, connection: pg.PoolConfig) => Promise<Result>,
): Promise<Result> {
  const { connection, close } = await reachDatabase(config)
  try {
    await migrate(connection)
    return await usingServices(connection, commandLog(config), (services) => work(services, connection))
  } finally {
    await close()
  }
}
