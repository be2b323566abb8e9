import { randomBytes } from 'node:crypto'
import {
  createProgram,
  createRedis,
  createTestDatabase,
  type Person,
  type Program,
  person,
  type Target,
  type TestDatabase,
  type TestRedis,
  urlOf,
} from '@parley/testing'

/** Two server processes on one database. */
export interface Cluster {
  readonly nodes: readonly [Program, Program]
  readonly database: TestDatabase
  /** Somebody of the team, as one node knows him. */
  person(id: string, node: 0 | 1): Promise<Person>
  /** Whether a node says in its metrics that it reaches the other over Redis. */
  isHealthy(node: 0 | 1): Promise<boolean>
  close(): Promise<void>
}

async function isHealthy(node: Target): Promise<boolean> {
  const text = await (await fetch(`${node.url}/metrics`)).text()
  return /^parley_bus_healthy 1$/m.test(text)
}

/**
 * Starts two servers.
 * @param redis what they hear each other over; without it each follows the log
 */
export async function startCluster(redis: TestRedis | null, more: NodeJS.ProcessEnv = {}): Promise<Cluster> {
  const database = await createTestDatabase()
  const secret = randomBytes(32).toString('base64url')
  const env = {
    DATABASE_URL: urlOf(database.connection),
    PARLEY_SECRET: randomBytes(32).toString('base64url'),
    PARLEY_JWT_SECRET: secret,
    ...(redis ? { REDIS_URL: redis.url } : {}),
    ...more,
  }
  const nodes = [await createProgram(env), await createProgram(env)] as const
  await Promise.all(nodes.map((node) => node.start()))
  return {
    nodes,
    database,
    person: (id, node) =>
      person(
        { url: nodes[node].url, config: { jwt: { secret } } },
        { id, role: 'member', workspace: 'w1', organization: { id: 'studio', name: 'Studio', kind: 'own' } },
      ),
    isHealthy: (node) => isHealthy(nodes[node]),
    close: async () => {
      await Promise.all(nodes.map((node) => node.remove()))
      await database.drop()
    },
  }
}

/** A Redis that runs. */
export async function startRedis(): Promise<TestRedis> {
  const redis = await createRedis()
  await redis.start()
  return redis
}
