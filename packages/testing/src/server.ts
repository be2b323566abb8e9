import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { limits } from '@parley/protocol'
import { type Config, type ParleyServer, startServer } from '@parley/server'
import { pino } from 'pino'
import { createTestDatabase, type TestDatabase } from './database.ts'

/** A server in this process, with a database of its own. */
export interface TestServer {
  readonly url: string
  readonly config: Config
  readonly database: TestDatabase
  /** The running server; another one after a restart. */
  readonly running: ParleyServer
  /** Moves the server's clock forward, milliseconds. */
  travel(milliseconds: number): void
  /** Stops the server and starts it again on the same port and database, with something done in between if wanted. */
  restart(meanwhile?: () => Promise<void>): Promise<void>
  /** Stops the server and drops its database. */
  close(): Promise<void>
}

function testConfig(given: Partial<Config>): Config {
  return {
    port: 0,
    host: '127.0.0.1',
    dataDir: tmpdir(),
    secret: randomBytes(32).toString('base64url'),
    jwt: { secret: randomBytes(32).toString('base64url') },
    allowedOrigins: [],
    trustProxy: false,
    rateLimits: false,
    messagesPerMinute: limits.messagesPerMinute,
    cache: { entries: 1_000, seconds: 3_600 },
    logLevel: 'silent',
    production: false,
    demo: false,
    ...given,
  }
}

/**
 * Starts a server on a free port.
 * @param given what differs from the configuration of tests
 */
export async function startTestServer(given: Partial<Config> = {}): Promise<TestServer> {
  const database = await createTestDatabase()
  let offset = 0
  const parts = {
    connection: database.connection,
    log: pino({ level: 'silent' }),
    clock: () => Date.now() + offset,
  }
  const wanted = testConfig(given)
  let running = await startServer(wanted, parts)
  const { url } = running
  const config = { ...wanted, port: Number(new URL(url).port) }
  return {
    url,
    config,
    database,
    get running() {
      return running
    },
    travel: (milliseconds) => {
      offset += milliseconds
    },
    restart: async (meanwhile) => {
      await running.close()
      await meanwhile?.()
      running = await startServer(config, parts)
    },
    close: async () => {
      await running.close()
      await database.drop()
    },
  }
}
