import type { IncomingMessage } from 'node:http'
import cookie from '@fastify/cookie'
import {
  type ErrorBody,
  limits,
  type Operation,
  type OperationName,
  type OperationOutput,
  operations,
  ParleyError,
  type ParsedInput,
  viewerHeader,
} from '@parley/protocol'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Config } from './config.ts'
import type { Context, Services } from './context.ts'
import { apiHeaders, bearerOf, corsHeaders, isForeign } from './http-headers.ts'
import { documentOperations, operationSchema } from './http-openapi.ts'
import type { Identity, Session } from './identity/identity.service.ts'
import { networkOf } from './identity/network.ts'
import { requireViewer } from './identity/viewer.ts'
import type { Metrics } from './metrics.ts'
import { parseInput } from './parse.ts'
import { actorKey, feeOf, type Rates, spendingOf } from './rate-limit.ts'

type PublicName = 'signIn' | 'signInWithLink'

/** What a handler may know and do of the HTTP exchange. */
export interface Exchange {
  /** The caller's network address. */
  readonly address: string
  /** Hands the browser a session. */
  setSession(value: string): void
  /** Takes the browser's session away. */
  clearSession(): void
}

/** Answers an operation of a signed-in caller. */
export type Handler<Name extends OperationName> = (
  ctx: Context,
  input: ParsedInput<Name>,
  exchange: Exchange,
  session: Session,
) => Promise<OperationOutput<Name>>

/** Answers an operation that works without a session. */
export type PublicHandler<Name extends OperationName> = (
  input: ParsedInput<Name>,
  exchange: Exchange,
) => Promise<OperationOutput<Name>>

/** A handler for every operation of the protocol. */
export type Handlers = {
  readonly [Name in OperationName]: Name extends PublicName ? PublicHandler<Name> : Handler<Name>
}

/** What the HTTP edge needs. */
export interface HttpParts {
  readonly config: Config
  readonly services: Services
  readonly identity: Identity
  readonly metrics: Metrics
  readonly rates: Rates
}

type AnyHandler = Handler<OperationName> & PublicHandler<OperationName>

/** Paths that answer with a session's cookie. */
const sessionPaths = new Set([operations.signIn.path, operations.signInWithLink.path])

/** Room for a look-up of people by a hundred ids, and less than what Node takes as headers. */
const longestUrl = 8_000

/** Name of the session cookie; `__Host-` binds it to the one secure origin. */
export function cookieName(config: Pick<Config, 'publicUrl'>): string {
  return config.publicUrl?.startsWith('https:') ? '__Host-parley' : 'parley_session'
}

function exchangeOf(config: Config, request: FastifyRequest, reply: FastifyReply): Exchange {
  const name = cookieName(config)
  const options = { path: '/', httpOnly: true, sameSite: 'lax', secure: name.startsWith('__Host-') } as const
  return {
    address: request.ip,
    setSession: (value) =>
      void reply.setCookie(name, value, { ...options, maxAge: Math.floor(limits.sessionAbsolute / 1000) }),
    clearSession: () => void reply.clearCookie(name, options).header('clear-site-data', '"cache", "storage"'),
  }
}

function credentialsOf(config: Config, request: FastifyRequest): { bearer?: string; cookie?: string } {
  const bearer = bearerOf(request)
  if (bearer !== undefined) return { bearer }
  const value = request.cookies[cookieName(config)]
  return value === undefined ? {} : { cookie: value }
}

function parse<Name extends OperationName>(operation: Operation<Name>, request: FastifyRequest): ParsedInput<Name> {
  const { query, body = {}, params } = request
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ParleyError('invalid', 'The body must be a JSON object')
  }
  const isBodied = operation.method === 'POST' || operation.method === 'PATCH'
  if (isBodied && Object.keys(query as object).length > 0)
    throw new ParleyError('invalid', 'The input belongs into the body')
  return parseInput(operation.input, Object.assign({}, query, body, params)) as ParsedInput<Name>
}

/** @throws ParleyError `unauthenticated`; `rate_limited` when too many from one address are not */
async function authenticate({ config, identity, rates }: HttpParts, request: FastifyRequest): Promise<Session> {
  try {
    return await identity.authenticate(credentialsOf(config, request))
  } catch (error) {
    if (!isUnavailable(error)) await rates.spend('anonymous-call', networkOf(request.ip))
    throw error
  }
}

function mount(app: FastifyInstance, parts: HttpParts, handlers: Handlers, operation: Operation): void {
  const { config, services, metrics, rates } = parts
  const handler = handlers[operation.name] as AnyHandler
  app.route({
    method: operation.method,
    url: operation.path,
    schema: operationSchema(operation),
    handler: async (request, reply) => {
      const exchange = exchangeOf(config, request, reply)
      const done = metrics.operation(operation.name)
      try {
        if (operation.access === 'public') {
          await rates.spend('anonymous-call', networkOf(exchange.address))
          return await (handler as PublicHandler<OperationName>)(parse(operation, request), exchange)
        }
        const session = await authenticate(parts, request)
        const who = actorKey(session.actor)
        const fee = feeOf(operation.name)
        if (fee) await rates.spend(fee, who)
        requireViewer(session.actor, request.headers[viewerHeader])
        const input = parse(operation, request)
        const spending = spendingOf(operation.name, input)
        if (spending) await rates.spend(spending, who)
        const ctx = { ...services, actor: session.actor, log: request.log as Services['log'] }
        return await handler(ctx, input, exchange, session)
      } finally {
        done()
      }
    },
  })
}

/** An empty body is one without fields: many programs state a type of what they do not send. */
function readJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, {})
    else void parse(request, body, done)
  })
}

const fastifyCodes: Record<string, ParleyError['code']> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
}

/** Any error as one of the table: what we did not foresee becomes `internal` and says nothing of itself. */
export function toParleyError(error: unknown): ParleyError {
  if (error instanceof ParleyError) return error
  const { code, statusCode } = error as { code?: string; statusCode?: number }
  const known = fastifyCodes[code ?? '']
  if (known) return new ParleyError(known)
  return new ParleyError(statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? 'invalid' : 'internal')
}

/** Whether something could not be done because what it needs is away: that is nobody's fault who asks. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof ParleyError && error.code === 'unavailable'
}

/** The body of an error answer. */
export function errorBody({ code, message, details }: ParleyError, requestId?: string): ErrorBody {
  return {
    error: {
      code,
      message,
      ...(details === undefined ? {} : { details }),
      ...(requestId === undefined ? {} : { requestId }),
    },
  }
}

function retryAfter(error: ParleyError): string | undefined {
  if (error.status !== 429 && error.status !== 503) return undefined
  const { details } = error
  const stated = details && typeof details === 'object' && 'retryAfter' in details ? Number(details.retryAfter) : 1
  return String(Math.max(1, Math.ceil(stated)))
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = toParleyError(error)
  if (known.code === 'internal') request.log.error({ error }, 'unexpected error')
  const after = retryAfter(known)
  if (after !== undefined) reply.header('retry-after', after)
  if (known.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer')
  void reply.status(known.status).send(errorBody(known, request.id))
}

/** What Fastify refuses before a route is found gets the same answers as everything else. */
function answerUnrouted(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  answerError(error, request, reply.headers({ ...apiHeaders, vary: 'Origin' }))
}

/** Refuses what no operation may be asked in: before the body is read, and before anybody is looked up. */
function requireFitting(config: Config, request: FastifyRequest): void {
  if (request.url.length > longestUrl) throw new ParleyError('invalid', 'The URL is too long')
  const { 'content-encoding': encoding = 'identity' } = request.headers
  if (encoding !== 'identity' && request.method !== 'GET') {
    throw new ParleyError('unsupported_media_type', 'The body must not be compressed')
  }
  const opensSession = sessionPaths.has(request.routeOptions.url ?? '')
  if (isForeign(config, request, opensSession))
    throw new ParleyError('forbidden', 'This origin may not use the session')
}

function guard(app: FastifyInstance, config: Config): void {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })
  app.addHook('onRequest', async (request, reply) => {
    if (closing) throw new ParleyError('unavailable', 'The server is stopping', { retryAfter: 1 })
    const path = request.routeOptions.url ?? request.url
    if (!path.startsWith('/api/')) return
    reply.headers({ ...apiHeaders, ...corsHeaders(config, request.headers.origin) })
    requireFitting(config, request)
  })
  app.options('/api/*', { schema: { hide: true } }, (_request, reply) => reply.status(204).send())
}

/** Whether a request opens a WebSocket. One that offers any other protocol, as some clients do with each request, is answered in this one. */
function opensSocket({ url = '', headers }: IncomingMessage): boolean {
  return url.startsWith('/socket.io/') && headers.upgrade?.toLowerCase() === 'websocket'
}

/**
 * Builds the HTTP edge: every operation of the protocol as a route, errors of the table, headers, and the API's description.
 * @param parts configuration and services
 * @param handlers one for every operation
 */
export async function createHttp(parts: HttpParts, handlers: Handlers): Promise<FastifyInstance> {
  const { config, services } = parts
  const app = Fastify({
    loggerInstance: services.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.jsonBody,
    trustProxy: config.trustProxy && ((_address: string, hop: number) => hop === 0),
    genReqId: () => services.ids(),
    frameworkErrors: answerUnrouted,
    requestTimeout: 60_000,
    http: { headersTimeout: 12_000, connectionsCheckingInterval: 2_000, shouldUpgradeCallback: opensSocket },
    routerOptions: { maxParamLength: 512 },
    return503OnClosing: false,
  })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  app.removeContentTypeParser('text/plain')
  readJson(app)
  app.setErrorHandler(answerError)
  await app.register(cookie)
  guard(app, config)
  await documentOperations(app, cookieName(config))
  for (const operation of Object.values(operations)) mount(app, parts, handlers, operation as unknown as Operation)
  return app
}
