import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectionOf } from '../../packages/server/src/db/embedded.ts'
import { connectAsOwner, type Owner } from '../../packages/testing/src/owner.ts'
import type { Target } from '../../packages/testing/src/people.ts'
import { createProgram, type Program } from '../../packages/testing/src/program.ts'
import { createRedis, type TestRedis } from '../../packages/testing/src/redis.ts'
import { startTcpProxy, type TcpProxy } from '../../packages/testing/src/tcp-proxy.ts'
import { type FaultyPostgres, startFaultyPostgres } from './postgres.ts'

/** A way that can be cut: between clients and nodes, or between the first node and what it needs. */
export type Wire = 'clients' | 'database' | 'redis'

/** What a fault needs to be shown on. */
export interface StageNeeds {
  readonly nodes: 1 | 2
  /** Processes that share the port of each node, when there are several. */
  readonly processes?: number
  readonly redis?: boolean
  /** The server's own PostgreSQL instead of an external one. */
  readonly embedded?: boolean
  readonly wires?: readonly Wire[]
  /** More environment for each node. */
  readonly env?: (node: number) => NodeJS.ProcessEnv
  /** Puts PostgreSQL on a disk of its own, that small. */
  readonly diskMegabytes?: number
}

/** Servers, database and Redis as processes. */
export interface Stage {
  readonly nodes: readonly Program[]
  /** Where clients find the nodes. */
  readonly entrances: readonly Target[]
  readonly wires: Readonly<Partial<Record<Wire, readonly TcpProxy[]>>>
  /** @throws Error when this stage has none */
  readonly postgres: FaultyPostgres
  /** @throws Error when this stage has none */
  readonly redis: TestRedis
  /** Connects to the database as its owner. */
  owner(): Promise<Owner>
  /** Whether a node hears the others over Redis. */
  isHealthy(node: number): Promise<boolean>
  /** Adds up a number of the metrics of all nodes. */
  metric(name: string): Promise<number>
  close(): Promise<void>
}

const databaseName = 'parley'

function need<Thing>(thing: Thing | undefined, name: string): Thing {
  if (thing === undefined) throw new Error(`This stage has no ${name}`)
  return thing
}

function throughWire(url: string, wire: TcpProxy | undefined): string {
  if (!wire) return url
  const through = new URL(url)
  through.port = new URL(wire.url).port
  return through.href
}

async function metricOf(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) })).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
}

interface Ground {
  readonly postgres: FaultyPostgres | undefined
  readonly redis: TestRedis | undefined
  readonly database: TcpProxy | undefined
  readonly wire: TcpProxy | undefined
}

async function layGround({ embedded, redis, wires = [], diskMegabytes }: StageNeeds): Promise<Ground> {
  const postgres = embedded ? undefined : await startFaultyPostgres(diskMegabytes)
  await postgres?.run('postgres', `create database ${databaseName}`)
  const own = redis ? await createRedis() : undefined
  await own?.start()
  return {
    postgres,
    redis: own,
    database: wires.includes('database') && postgres ? await startTcpProxy(postgres.url(databaseName)) : undefined,
    wire: wires.includes('redis') && own ? await startTcpProxy(own.url) : undefined,
  }
}

function environment({ postgres, redis, database, wire }: Ground, node: number): NodeJS.ProcessEnv {
  const first = node === 0
  return {
    ...(postgres ? { DATABASE_URL: throughWire(postgres.url(databaseName), first ? database : undefined) } : {}),
    ...(redis ? { REDIS_URL: throughWire(redis.url, first ? wire : undefined) } : {}),
  }
}

async function startNodes(needs: StageNeeds, ground: Ground): Promise<Program[]> {
  const secrets = {
    PARLEY_SECRET: randomBytes(32).toString('base64url'),
    PARLEY_JWT_SECRET: randomBytes(32).toString('base64url'),
  }
  const nodes: Program[] = []
  for (let index = 0; index < needs.nodes; index += 1) {
    const own = { ...environment(ground, index), ...needs.env?.(index) }
    const command = needs.processes ? ['start', '--processes', String(needs.processes)] : ['start']
    const program = await createProgram({ ...secrets, LOG_LEVEL: 'silent', ...own }, command)
    await program.start()
    nodes.push(Object.assign(program, { config: { jwt: { secret: secrets.PARLEY_JWT_SECRET } } }))
  }
  return nodes
}

async function closeAll(nodes: readonly Program[], wires: readonly TcpProxy[], ground: Ground): Promise<void> {
  await Promise.all(nodes.map((node) => node.remove()))
  await Promise.all(wires.map((wire) => wire.close()))
  await ground.redis?.kill()
  await ground.postgres?.close()
}

/** Starts everything a fault needs, and waits until the nodes hear each other. */
export async function setStage(needs: StageNeeds): Promise<Stage> {
  const ground = await layGround(needs)
  const { postgres, redis, database, wire } = ground
  const nodes = await startNodes(needs, ground)
  const clients = needs.wires?.includes('clients') ? await Promise.all(nodes.map(({ url }) => startTcpProxy(url))) : []
  const proxies = [...clients, ...(database ? [database] : []), ...(wire ? [wire] : [])]
  const [first] = nodes
  const isHealthy = async (node: number) => (await metricOf(nodes[node]?.url ?? '', 'parley_bus_healthy')) === 1
  if (redis && needs.nodes > 1) while (!(await isHealthy(0)) || !(await isHealthy(1))) await sleep(50)
  return {
    nodes,
    entrances: nodes.map((node, index) => ({ url: clients[index]?.url ?? node.url, config: node.config })),
    wires: { clients, ...(database ? { database: [database] } : {}), ...(wire ? { redis: [wire] } : {}) },
    get postgres() {
      return need(postgres, 'PostgreSQL')
    },
    get redis() {
      return need(redis, 'Redis')
    },
    owner: () => (postgres ? postgres.connect(databaseName) : connectAsOwner(connectionOf(first?.dataDir ?? ''))),
    isHealthy,
    metric: async (name) =>
      (await Promise.all(nodes.map(({ url }) => metricOf(url, name)))).reduce((sum, each) => sum + each, 0),
    close: () => closeAll(nodes, proxies, ground),
  }
}
