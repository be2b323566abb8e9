import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type pg from 'pg'
import type { Logger } from 'pino'
import { type Bus, localBus } from './bus.ts'
import { redisBus } from './bus-redis.ts'
import { siblingBus } from './bus-siblings.ts'
import { openCache } from './cache.ts'
import { changeRoutes } from './changes/change.routes.ts'
import { watchOldChanges } from './changes/forget.service.ts'
import { startTail } from './changes/tail.service.ts'
import { type Clock, steadyClock, systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { idsFrom, type Services } from './context.ts'
import { conversationRoutes } from './conversations/conversation.routes.ts'
import { type Database, openDatabase } from './db/database.ts'
import { migrate } from './db/migrate.ts'
import { watchYoungTables } from './db/young-tables.ts'
import { Groups } from './groups.ts'
import { createHttp, type Handlers } from './http.ts'
import { serveApplication } from './http-application.ts'
import { identityRoutes } from './identity/identity.routes.ts'
import { createIdentity, type Identity } from './identity/identity.service.ts'
import { inboxRoutes } from './inbox/inbox.routes.ts'
import { messageRoutes } from './messages/message.routes.ts'
import { warmCache } from './messages/warming.service.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { participantRoutes } from './participants/participant.routes.ts'
import { createRates } from './rate-limit.ts'
import { readRoutes } from './reads/read.routes.ts'
import { Realtime } from './realtime.ts'
import { serveSiblings } from './realtime-siblings.ts'
import { openRedis, type SharedCounts } from './redis.ts'
import type { Siblings } from './siblings.ts'
import { statsRoutes } from './stats/stats.routes.ts'
import { createStats, type ReadStats } from './stats/stats.service.ts'
import { userRoutes } from './users/user.routes.ts'
import { Seats } from './write-seats.ts'

/** A running server. */
export interface ParleyServer {
  /** Where it answers, such as `http://127.0.0.1:4400`. */
  readonly url: string
  readonly services: Services
  readonly identity: Identity
  /** Finishes what is in flight, closes sockets and connections. The database itself is the caller's to stop. */
  close(): Promise<void>
}

/** What a server is made of besides its configuration. */
export interface ServerParts {
  /** How to reach the database as its owner. */
  readonly connection: pg.PoolConfig
  readonly log: Logger
  readonly clock?: Clock
  /** Other processes of this machine that serve the same port. */
  readonly siblings?: Siblings | undefined
}

const closeLimit = 9_000
const closeSweep = 50

/**
 * Where the system shares a port among processes, each listens for itself: when one is killed, the system resets what it had not taken.
 * Elsewhere the first process accepts for all, and what is on its way to one that is killed hangs.
 */
const sharesPorts = process.platform === 'linux' || process.platform === 'freebsd'

function handlersOf(identity: Identity, readStats: ReadStats): Handlers {
  return {
    ...identityRoutes(identity),
    ...userRoutes,
    ...inboxRoutes,
    ...conversationRoutes,
    ...participantRoutes,
    ...messageRoutes,
    ...readRoutes,
    ...changeRoutes,
    ...statsRoutes(readStats),
  }
}

function serveHealth(app: FastifyInstance, services: Services, metrics: Metrics): void {
  app.get('/healthz', { schema: { hide: true } }, async () => ({ status: 'ok' }))
  app.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    if (await services.db.ping()) return { status: 'ready' }
    return reply.status(503).header('retry-after', '1').send({ status: 'database away' })
  })
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    return reply
      .type(metrics.contentType)
      .serializer(String)
      .send(await metrics.text())
  })
}

/**
 * Lets open requests end, up to a limit; what takes longer is cut, sockets among it.
 * @returns how to close
 */
function closingGently(app: FastifyInstance): () => Promise<void> {
  const open = new Set<Socket>()
  app.server.on('connection', (connection: Socket) => {
    open.add(connection)
    connection.once('close', () => open.delete(connection))
  })
  return () => closeGently(app, open)
}

async function closeGently(app: FastifyInstance, open: ReadonlySet<Socket>): Promise<void> {
  const sweep = setInterval(() => app.server.closeIdleConnections(), closeSweep)
  const cut = setTimeout(() => {
    for (const connection of open) connection.destroy()
  }, closeLimit)
  await app.close()
  clearTimeout(cut)
  clearInterval(sweep)
}

interface BusParts {
  readonly db: Database
  readonly metrics: Metrics
  readonly log: Logger
  readonly nodeId: string
  readonly siblings: Siblings | undefined
}

/** The way to other nodes: over Redis where there is one, else to the processes of this machine. */
function openBus({ redisUrl }: Config, { db, metrics, log, nodeId, siblings }: BusParts): Bus {
  if (redisUrl === undefined) return siblings ? siblingBus(nodeId, siblings, log) : localBus(nodeId)
  const bus = redisBus({ url: redisUrl, epoch: db.epoch, nodeId, counts: metrics, log })
  metrics.watchBus(() => bus.healthy)
  return bus
}

function openShared({ redisUrl, rateLimits }: Config, { epoch }: Database): SharedCounts | undefined {
  if (redisUrl === undefined || !rateLimits) return undefined
  return { redis: openRedis(redisUrl), prefix: `parley:${epoch}` }
}

/** Opens what all operations share; `opened` closes it. */
async function openServices(
  config: Config,
  parts: ServerParts,
  metrics: Metrics,
  opened: AsyncDisposableStack,
): Promise<Services> {
  const { connection, log, siblings, clock = systemClock } = parts
  await migrate(connection)
  const db = await openDatabase(connection, log)
  opened.defer(() => db.close())
  opened.defer(watchYoungTables(db, log))
  const ids = idsFrom(clock)
  const bus = openBus(config, { db, metrics, log, nodeId: ids(), siblings })
  opened.defer(() => bus.close())
  const cache = openCache({ config, epoch: db.epoch, clock: steadyClock })
  opened.defer(() => cache.close())
  metrics.watchCache(() => cache.counts())
  const seats = new Seats()
  bus.onHint((hint) => seats.heard(hint))
  const services: Services = { db, bus, groups: new Groups(), seats, siblings, cache, clock, ids, log }
  serveSiblings(services)
  return services
}

/**
 * Starts a server: migrates the database, opens HTTP and sockets on one port. What was opened is closed again when it cannot start.
 * @param config the parsed environment
 * @param parts the database to use, and where to log
 * @returns the running server; `config.port` 0 takes a free port
 * @throws Error `EADDRINUSE`, `EADDRNOTAVAIL` and others of the system when it cannot listen
 */
export async function startServer(config: Config, parts: ServerParts): Promise<ParleyServer> {
  await using opened = new AsyncDisposableStack()
  const metrics = createMetrics()
  const services = await openServices(config, parts, metrics, opened)
  const shared = openShared(config, services.db)
  opened.defer(() => shared?.redis.disconnect())
  const identity = createIdentity(services, config, shared)
  await identity.learnRevoked()
  const rates = createRates(config, steadyClock, shared)
  const readStats = createStats(services, (workspaceId) => realtime.socketsOf(workspaceId))
  const app = await createHttp({ config, services, identity, metrics, rates }, handlersOf(identity, readStats))
  serveHealth(app, services, metrics)
  await serveApplication(app, config)
  await app.ready()
  const tail = await startTail(services)
  opened.defer(() => tail.close())
  const oldChanges = watchOldChanges(services)
  opened.defer(() => oldChanges.close())
  const closeHttp = closingGently(app)
  const realtime = new Realtime(app.server, { config, services, identity, metrics, rates })
  opened.defer(async () => void (await Promise.all([realtime.close(), closeHttp()])))
  const listening = { port: config.port, host: config.host, reusePort: parts.siblings !== undefined && sharesPorts }
  const url = await app.listen(listening)
  void warmCache(services)
  const kept = opened.move()
  return { url, services, identity, close: () => kept.disposeAsync() }
}
