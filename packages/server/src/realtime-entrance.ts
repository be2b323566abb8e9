import { hash } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { limits, ParleyError } from '@parley/protocol'
import type { Config } from './config.ts'
import { errorBody } from './http.ts'
import { networkOf } from './identity/network.ts'
import type { Rates } from './rate-limit.ts'

type Next = (error?: Error) => void

/** A request as Engine.IO reads it: of a parameter that comes twice the last one counts, and it must count here as well. */
interface Asked extends IncomingMessage {
  readonly _query: { readonly sid?: string }
}

/** What carries frames, where it is a WebSocket. */
interface Wire extends EventEmitter {
  readonly bufferedAmount: number
  pong(data: Buffer): void
  terminate(): void
}

interface Transport {
  readonly socket?: Wire
}

/** A connection of the transport, before anybody stands behind it. */
interface Stranger extends EventEmitter {
  readonly request: IncomingMessage
  readonly transport: Transport
  close(discard: boolean): void
}

/** There is one namespace. Each frame that asks for another one would be answered, however little is read. */
function refuseNamespaces(this: Stranger, { data }: { readonly data?: unknown }): void {
  if (typeof data !== 'string' || !data.startsWith('0/')) return
  this.close(true)
  this.transport.socket?.terminate()
}

/** Who sends pings and does not read the answers is cut off. */
function pongToReaders(this: Wire, data: Buffer): void {
  if (this.bufferedAmount === 0) this.pong(data)
  else this.terminate()
}

function answerPings({ socket }: Transport): void {
  socket?.on('ping', pongToReaders)
}

/** The address that the proxy itself has seen is the last one; what stands before it is what the client says. */
function addressOf({ trustProxy }: Pick<Config, 'trustProxy'>, { headers, socket }: IncomingMessage): string {
  const forwarded = trustProxy
    ? String(headers['x-forwarded-for'] ?? '')
        .split(',')
        .at(-1)
        ?.trim()
    : ''
  return forwarded || (socket.remoteAddress ?? '')
}

/** What stands for the address and the program a request comes from, and tells neither. */
export function placeOf(config: Pick<Config, 'trustProxy'>, request: IncomingMessage): string {
  const network = networkOf(addressOf(config, request))
  return hash('sha256', JSON.stringify([network, request.headers['user-agent'] ?? '']), 'base64url')
}

function refuse(request: IncomingMessage, response: ServerResponse, seconds: number): void {
  const body = JSON.stringify(
    errorBody(new ParleyError('unavailable', 'Too many connections', { retryAfter: seconds })),
  )
  const headers = { 'retry-after': String(seconds), 'content-type': 'application/json; charset=utf-8' }
  if (request.headers.upgrade === undefined) {
    response.writeHead(503, headers).end(body)
    return
  }
  const stated = { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' }
  const lines = Object.entries(stated).map(([name, value]) => `${name}: ${value}`)
  request.socket.end(['HTTP/1.1 503 Service Unavailable', ...lines, '', body].join('\r\n'))
  request.socket.destroySoon()
}

/**
 * Between a request for an upgrade and the WebSocket nobody listens for errors of the connection: a reset there would end the process.
 * @param http the server, before anybody else takes its upgrades
 */
export function surviveResets(http: HttpServer): void {
  http.prependListener('upgrade', (_request: IncomingMessage, connection: Socket) => {
    connection.on('error', () => connection.destroy())
  })
}

/**
 * Lets so many connections in from one address, and keeps so many of them waiting to say who they are. The rest is refused with 503 and
 * `Retry-After`, before anything is spent on it.
 */
export class Entrance {
  readonly #config: Pick<Config, 'trustProxy' | 'rateLimits'>
  readonly #rates: Pick<Rates, 'spend'>
  readonly #isOpen: (connection: string) => boolean
  readonly #strangers = new Map<string, Set<object>>()
  readonly #networks = new WeakMap<object, string>()

  /**
   * @param config whether the address stands in `X-Forwarded-For`, and whether there are limits
   * @param isOpen whether a connection of this id is open: its further requests are let in
   */
  constructor(
    config: Pick<Config, 'trustProxy' | 'rateLimits'>,
    rates: Pick<Rates, 'spend'>,
    isOpen: (connection: string) => boolean,
  ) {
    this.#config = config
    this.#rates = rates
    this.#isOpen = isOpen
  }

  readonly guard = (request: IncomingMessage, response: ServerResponse, next: Next): void => {
    if (this.#isOpen((request as Asked)._query.sid ?? '')) {
      next()
      return
    }
    this.#admit(networkOf(addressOf(this.#config, request))).then(
      () => next(),
      (error: unknown) => {
        const details = error instanceof ParleyError ? (error.details as { retryAfter?: number }) : {}
        refuse(request, response, details.retryAfter ?? 1)
      },
    )
  }

  /** Somebody has come who has not said yet who he is. */
  arrive(stranger: Stranger): void {
    stranger.on('packet', refuseNamespaces)
    answerPings(stranger.transport)
    stranger.on('upgrade', answerPings)
    const network = networkOf(addressOf(this.#config, stranger.request))
    const waiting = this.#strangers.get(network) ?? new Set()
    this.#strangers.set(network, waiting.add(stranger))
    this.#networks.set(stranger, network)
    stranger.once('close', () => this.leave(stranger))
  }

  /**
   * Counts one who could not say who he is.
   * @throws ParleyError `rate_limited` when there were too many from where he comes from
   */
  async count(stranger: object): Promise<void> {
    await this.#rates.spend('anonymous-call', this.#networks.get(stranger) ?? '')
  }

  /** He has said who he is, or is gone. */
  leave(stranger: object): void {
    const network = this.#networks.get(stranger) ?? ''
    const waiting = this.#strangers.get(network)
    this.#networks.delete(stranger)
    waiting?.delete(stranger)
    if (waiting?.size === 0) this.#strangers.delete(network)
  }

  async #admit(network: string): Promise<void> {
    const waiting = this.#strangers.get(network)?.size ?? 0
    if (this.#config.rateLimits && waiting >= limits.strangersPerAddress) {
      throw new ParleyError('rate_limited', undefined, { retryAfter: limits.socketAuthTimeout / 1000 })
    }
    await this.#rates.spend('upgrade', network)
  }
}
