import type { Server as HttpServer, IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { limits, ParleyError } from '@parley/protocol'
import { Server, type Socket } from 'socket.io'
import { lineOf } from './actor.ts'
import type { Revocation } from './bus.ts'
import { steadyClock } from './clock.ts'
import type { Config } from './config.ts'
import type { Services } from './context.ts'
import { Delivery } from './delivery.ts'
import { cookieName, errorBody, isUnavailable, toParleyError } from './http.ts'
import { isOwnOrigin } from './http-headers.ts'
import type { Ending, Identity, Session } from './identity/identity.service.ts'
import { requireViewer } from './identity/viewer.ts'
import type { Metrics } from './metrics.ts'
import { PresenceService } from './presence/presence.service.ts'
import type { Rates } from './rate-limit.ts'
import { type Answer, Commands } from './realtime-commands.ts'
import { type Connection, Connections, wireOf } from './realtime-connections.ts'
import { Entrance, placeOf, surviveResets } from './realtime-entrance.ts'
import { Outlets } from './realtime-outlets.ts'
import { Readers } from './realtime-readers.ts'

/** What the socket edge needs. */
export interface RealtimeParts {
  readonly config: Config
  readonly services: Services
  readonly identity: Identity
  readonly metrics: Metrics
  readonly rates: Rates
}

/** The parts of Engine.IO's server that its types hide. */
interface EngineParts {
  /** Open connections by their ids. */
  readonly clients: object
  /** WebSockets answer pings by themselves unless told otherwise, however little is read of the answers; {@link Entrance} does it for them. */
  readonly ws: { readonly options: { autoPong: boolean } }
}

/** How often it is asked who was revoked, and how often everybody's session is looked up, milliseconds. */
const revokedInterval = 1_000
const recheckInterval = 5_000
const commandWindow = 60_000
/** How long sockets are closed over at a planned stop, in which steps, milliseconds; and how many go in a step at least. */
const [closeSpread, closeStep, closedAtOnce] = [2_000, 20, 10]
/** How long a client may take to answer the goodbye, milliseconds: a phone without a network never does. */
const goodbyeLimit = 1_000

/** The session's cookie, which serves our own page only: pages of listed origins bring tokens. */
function cookieOf(config: Config, request: IncomingMessage): string | undefined {
  const { origin, host, cookie } = request.headers
  if (origin !== undefined && !isOwnOrigin(config, origin, host)) return undefined
  const name = `${cookieName(config)}=`
  const pair = cookie?.split('; ').find((part) => part.startsWith(name))
  return pair?.slice(name.length)
}

function allowsOrigin(config: Config, request: IncomingMessage): boolean {
  const { origin, host } = request.headers
  if (origin !== undefined) return isOwnOrigin(config, origin, host) || config.allowedOrigins.includes(origin)
  return cookieOf(config, request) === undefined
}

/**
 * The live edge: authenticates sockets, answers their commands, and carries events to them.
 * Correctness rests on the log and on {@link Delivery}; Socket.IO only moves frames.
 */
export class Realtime {
  readonly #parts: RealtimeParts
  readonly #io: Server
  readonly #delivery: Delivery
  readonly #presence: PresenceService
  readonly #readers = new Readers()
  readonly #connections = new Connections()
  /** Connections that have said who they are: each says it once. */
  readonly #asked = new WeakSet<object>()
  readonly #entrance: Entrance
  readonly #commands: Commands
  readonly #outlets: Outlets
  readonly #timers: NodeJS.Timeout[] = []
  /** Sessions that were ended in the last seconds. */
  #revoked: readonly { readonly at: number; readonly revocation: Revocation }[] = []
  #isLooking = false
  #isBlind = false
  #closing = false

  constructor(http: HttpServer, parts: RealtimeParts) {
    this.#parts = parts
    const { config, services, metrics, rates } = parts
    surviveResets(http)
    this.#io = new Server(http, {
      serveClient: false,
      cookie: false,
      perMessageDeflate: false,
      httpCompression: false,
      maxHttpBufferSize: limits.socketFrame,
      connectTimeout: limits.socketAuthTimeout,
      pingInterval: limits.socketPingInterval,
      pingTimeout: limits.socketPingTimeout,
      cors: { origin: [...config.allowedOrigins], credentials: false },
      allowRequest: (request, decide) => decide(null, allowsOrigin(config, request)),
    })
    const { clients, ws } = this.#io.engine as unknown as EngineParts
    ws.options.autoPong = false
    this.#entrance = new Entrance(config, rates, (id) => Object.hasOwn(clients, id))
    this.#io.engine.use(this.#entrance.guard)
    this.#io.engine.on('connection', (stranger) => this.#entrance.arrive(stranger))
    this.#delivery = new Delivery(services)
    this.#presence = new PresenceService(this.#delivery, services)
    this.#commands = new Commands({ config, rates, delivery: this.#delivery, presence: this.#presence })
    this.#outlets = new Outlets(metrics)
    this.#listen()
  }

  /** How many sockets of a workspace are open here. */
  socketsOf(workspaceId: string): number {
    return [...this.#connections.all()].filter(({ session }) => session.actor.workspaceId === workspaceId).length
  }

  /**
   * Takes no more sockets and commands, answers those that are under way, and closes the sockets over two seconds when they are many: their
   * clients resume elsewhere or later, and not all at once. HTTP goes on meanwhile.
   */
  async close(): Promise<void> {
    this.#closing = true
    for (const timer of this.#timers) clearInterval(timer)
    await this.#commands.stop()
    this.#presence.close()
    this.#outlets.flush()
    await this.#closeSockets()
    this.#delivery.close()
    this.#outlets.close()
    this.#io.engine.close()
  }

  async #closeSockets(): Promise<void> {
    const sockets = [...this.#connections.all()].map(({ socket }) => socket)
    const wires = sockets.flatMap((socket) => wireOf(socket) ?? [])
    const atOnce = Math.max(closedAtOnce, Math.ceil((sockets.length * closeStep) / closeSpread))
    while (sockets.length > 0) {
      for (const socket of sockets.splice(0, atOnce)) socket.disconnect(true)
      if (sockets.length > 0) await sleep(closeStep)
    }
    this.#io.disconnectSockets(true)
    setTimeout(() => {
      for (const wire of wires) wire.terminate()
    }, goodbyeLimit).unref()
  }

  #listen(): void {
    const { services, metrics } = this.#parts
    services.bus.onHint((hint) => this.#delivery.hint(hint))
    services.bus.onSignal((signal) => this.#delivery.signal(signal))
    services.bus.onRevocation((revocation) => this.#revoke(revocation))
    metrics.watchSockets(() => this.#connections.size)
    this.#io.use((socket, next) => void this.#admit(socket, next))
    this.#io.on('connection', (socket) => this.#connect(socket))
    this.#timers.push(setInterval(() => void this.#recheckRevoked(), revokedInterval))
    this.#timers.push(setInterval(() => void this.#recheck(this.#connections.all()), recheckInterval))
    this.#timers.push(setInterval(() => this.#refill(), commandWindow))
  }

  async #admit(socket: Socket, next: (error?: Error) => void): Promise<void> {
    if (this.#asked.has(socket.client)) return socket.conn.close(true)
    this.#asked.add(socket.client)
    try {
      if (this.#closing) throw new ParleyError('unavailable', undefined, { retryAfter: 1 })
      const { token, viewer } = socket.handshake.auth as { token?: unknown; viewer?: unknown }
      const cookie = cookieOf(this.#parts.config, socket.request)
      socket.data.since = steadyClock()
      const session = await this.#authenticate(
        socket,
        typeof token === 'string' ? { bearer: token } : cookie === undefined ? {} : { cookie },
      )
      requireViewer(session.actor, viewer)
      if (!this.#readers.hasRoom(session.actor))
        throw new ParleyError('rate_limited', 'Too many connections', { retryAfter: 60 })
      socket.data.session = session
      next()
    } catch (error) {
      next(Object.assign(new Error('refused'), { data: errorBody(toParleyError(error)) }))
    }
  }

  async #authenticate(socket: Socket, credentials: { bearer?: string; cookie?: string }): Promise<Session> {
    try {
      return await this.#parts.identity.authenticate(credentials)
    } catch (error) {
      if (!isUnavailable(error)) await this.#entrance.count(socket.conn)
      throw error
    }
  }

  #connect(socket: Socket): void {
    const session: Session = socket.data.session
    const place = placeOf(this.#parts.config, socket.request)
    this.#entrance.leave(socket.conn)
    forgetRequest(socket)
    this.#endOtherLine(session)
    this.#noteOtherPlace(session, place)
    const outlet = this.#outlets.open(socket)
    const reader = this.#readers.add(session.actor, outlet)
    this.#delivery.arrive(reader)
    const ctx = { ...this.#parts.services, actor: session.actor }
    const commandsLeft = limits.socketCommandsPerMinute
    const connection = { socket, session, place, reader, outlet, ctx, commandsLeft, resuming: false }
    this.#connections.add(connection)
    socket.onAny((name: string, ...given: unknown[]) => {
      const answer = typeof given.at(-1) === 'function' ? (given.pop() as Answer) : () => {}
      void this.#commands.run(connection, name, given[0], answer)
    })
    socket.on('disconnect', (reason) => {
      if (reason === 'client namespace disconnect') socket.conn.close(true)
      if (reason === 'client namespace disconnect' || reason === 'ping timeout') hangUp(socket)
      this.#disconnect(connection)
    })
    this.#endIfRevoked(socket)
  }

  /** Somebody whose role moved to the other side must not go on in the line he read before. */
  #endOtherLine({ actor }: Session): void {
    const before = this.#readers.of(actor)
    if (!before || before.line === lineOf(actor)) return
    for (const { socket } of this.#connections.of(actor)) this.#end(socket, 'expired')
    this.#presence.end(before)
    this.#readers.forget(before)
    this.#delivery.depart(before)
  }

  /** A session holds from everywhere; that it does so from two places at once is written down. */
  #noteOtherPlace({ actor, key }: Session, place: string): void {
    const elsewhere = this.#connections.of(actor).some((other) => other.session.key === key && other.place !== place)
    if (!elsewhere) return
    const { workspaceId, userId } = actor
    this.#parts.services.log.info({ workspaceId, userId }, 'one session is used from two places')
  }

  #disconnect(connection: Connection): void {
    const { session, outlet } = connection
    this.#connections.remove(connection)
    const alone = this.#readers.remove(session.actor, outlet)
    if (!alone) return
    this.#presence.leave(alone, () => {
      if (this.#readers.forget(alone)) this.#delivery.depart(alone)
    })
  }

  #refill(): void {
    for (const connection of this.#connections.all()) connection.commandsLeft = limits.socketCommandsPerMinute
  }

  #end(socket: Socket, reason: Ending): void {
    socket.emit('session-ended', { reason })
    socket.disconnect(true)
  }

  /** A session may have been ended while it was looked up for a socket. A changed role is known by then: the socket has it. */
  #endIfRevoked(socket: Socket): void {
    const { session, since } = socket.data as { session: Session; since: number }
    const { workspaceId, userId } = session.actor
    for (const { at, revocation } of this.#revoked) {
      if (at < since || revocation.reason === 'expired') continue
      if (revocation.workspaceId !== workspaceId || revocation.userId !== userId) continue
      if ((revocation.sessionKey ?? session.key) === session.key) this.#end(socket, revocation.reason)
    }
  }

  #revoke(revocation: Revocation): void {
    const { workspaceId, userId, sessionKey, reason } = revocation
    const now = steadyClock()
    this.#revoked = [...this.#revoked.filter(({ at }) => now - at < limits.socketAuthTimeout), { at: now, revocation }]
    for (const { session, socket } of this.#connections.of({ workspaceId, userId })) {
      if (sessionKey === undefined || sessionKey === session.key) this.#end(socket, reason)
    }
  }

  /** One look at a time, and one word when it fails: a database that hangs must not be asked by ever more of them. */
  async #recheckRevoked(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const people = await this.#parts.identity.learnRevoked()
      this.#isBlind = false
      await this.#recheck(people.flatMap((person) => [...this.#connections.of(person)]))
    } catch (error) {
      if (!this.#isBlind) this.#parts.services.log.warn({ error }, 'revocations cannot be looked up for now')
      this.#isBlind = true
    }
    this.#isLooking = false
  }

  async #recheck(connections: Iterable<Connection>): Promise<void> {
    const open = [...connections]
    try {
      const endings = await this.#parts.identity.recheck(open.map(({ session }) => session))
      for (const { session, socket } of open) {
        const ending = endings.get(session)
        if (ending) this.#end(socket, ending)
      }
    } catch (error) {
      this.#parts.services.log.warn({ error }, 'sessions could not be rechecked')
    }
  }
}

/** The request that opened a connection is not needed once its sender is known, and weighs as much as all the rest of a socket. */
function forgetRequest(socket: Socket): void {
  if (socket.conn.transport.name === 'websocket') Object.assign(socket.conn, { request: null })
}

/** Who answers no ping answers no goodbye: the connection ends without one, so that a client who can still hear notices at once. */
function hangUp(socket: Socket): void {
  wireOf(socket)?.terminate()
}
