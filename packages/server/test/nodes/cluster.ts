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

/** Servers on one database, each a program of its own. */
export interface Nodes {
  readonly nodes: readonly [Program, ...Program[]]
  readonly database: TestDatabase
  close(): Promise<void>
}

/** Two of them. */
export interface Cluster extends Nodes {
  readonly nodes: readonly [Program, Program]
  /** Somebody of the team, as one node knows him. */
  person(id: string, node: 0 | 1): Promise<Person>
  /** Whether a node says in its metrics that it reaches the other over Redis. */
  isHealthy(node: 0 | 1): Promise<boolean>
}

async function isHealthy(node: Target): Promise<boolean> {
  const text = await (await fetch(`${node.url}/metrics`)).text()
  return /^parley_bus_healthy 1$/m.test(text)
}

/**
 * Starts servers.
 * @param redis what they hear each other over; without it each follows the log
 */
export async function startNodes(count: number, redis: TestRedis | null, more: NodeJS.ProcessEnv = {}): Promise<Nodes> {
  const database = await createTestDatabase()
  const env = {
    DATABASE_URL: urlOf(database.connection),
    PARLEY_SECRET: randomBytes(32).toString('base64url'),
    PARLEY_JWT_SECRET: randomBytes(32).toString('base64url'),
    ...(redis ? { REDIS_URL: redis.url } : {}),
    ...more,
  }
  const first = await createProgram(env)
  const nodes = [first, ...(await Promise.all(Array.from({ length: count - 1 }, () => createProgram(env))))] as const
  await Promise.all(nodes.map((node) => node.start()))
  const close = async () => {
    await Promise.all(nodes.map((node) => node.remove()))
    await database.drop()
  }
  return { nodes, database, close }
}

/**
 * Starts two servers.
 * @param redis what they hear each other over; without it each follows the log
 */
export async function startCluster(redis: TestRedis | null, more: NodeJS.ProcessEnv = {}): Promise<Cluster> {
  const { nodes: started, ...rest } = await startNodes(2, redis, more)
  const nodes = started as Cluster['nodes']
  const organization = { id: 'studio', name: 'Studio', kind: 'own' } as const
  return {
    ...rest,
    nodes,
    person: (id, node) => person(nodes[node], { id, role: 'member', workspace: 'w1', organization }),
    isHealthy: (node) => isHealthy(nodes[node]),
  }
}

/** A Redis that runs. */
export async function startRedis(): Promise<TestRedis> {
  const redis = await createRedis()
  await redis.start()
  return redis
}
