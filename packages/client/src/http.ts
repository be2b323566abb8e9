import {
  type OperationInput,
  type OperationName,
  type OperationOutput,
  ParleyError,
  routes,
  viewerHeader,
} from '@parley/protocol'
import type { Clock } from './clock.ts'
import type { Credentials } from './credentials.ts'
import { retryAfter, toError, unreachable } from './http-errors.ts'

/** Calls an operation of the protocol. */
export type Call = <Name extends OperationName>(
  name: Name,
  input: OperationInput<Name>,
) => Promise<OperationOutput<Name>>

/** An operation as an HTTP request. */
export interface HttpRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly body: string | null
}

/** What is needed to call operations. */
export interface HttpParts {
  readonly serverUrl: string
  readonly credentials: Credentials
  readonly clock: Clock
  /** As whom to ask; null while nobody is known. */
  readonly viewer: () => string | null
  /** Tells requests apart that are made in different sessions. */
  readonly age: () => number
  /** The session has ended in which a request was made: it was refused, and no new token could help. */
  readonly onUnauthenticated: (age: number) => void
  /** The session or token belongs to another viewer than was asked as. */
  readonly onViewerChanged: () => void
}

const timeLimit = 15_000
const turnsAtMost = 5
const withoutSession: ReadonlySet<OperationName> = new Set(['signIn', 'signInWithLink'])
const asAnybody: ReadonlySet<OperationName> = new Set([...withoutSession, 'getMe'])

/**
 * Puts an operation's input where it belongs: path parameters into the path, the rest into the query (GET, DELETE) or the body.
 * @param name the operation
 * @param input its input; fields that are undefined are left out
 */
function toRequest<Name extends OperationName>(name: Name, input: OperationInput<Name>): HttpRequest {
  const [method = '', template = ''] = routes[name].split(' ')
  const rest = new Map(Object.entries(input).filter(([, value]) => value !== undefined))
  const path = template.replace(/:(\w+)/g, (_, parameter: string) => {
    const value = rest.get(parameter)
    rest.delete(parameter)
    return encodeURIComponent(String(value))
  })
  if (method === 'POST' || method === 'PATCH') {
    return { method, path, body: JSON.stringify(Object.fromEntries(rest)) }
  }
  const query = new URLSearchParams([...rest].map(([key, value]) => [key, String(value)])).toString()
  return { method, path: query === '' ? path : `${path}?${query}`, body: null }
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** As whom a request is made. */
interface Asker {
  readonly token: string | null
  readonly viewer: string | null
}

async function exchange(
  { serverUrl, clock }: HttpParts,
  request: HttpRequest,
  { token, viewer }: Asker,
): Promise<unknown> {
  const abort = new AbortController()
  const cancel = clock.after(timeLimit, () => abort.abort())
  try {
    const response = await fetch(serverUrl + request.path, {
      method: request.method,
      credentials: token === null ? 'same-origin' : 'omit',
      headers: {
        ...(request.body === null ? {} : { 'content-type': 'application/json' }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(viewer === null ? {} : { [viewerHeader]: viewer }),
      },
      ...(request.body === null ? {} : { body: request.body }),
      signal: abort.signal,
    })
    const body = await readBody(response)
    if (!response.ok) throw toError(response.status, body, response.headers.get('retry-after'))
    if (body === null) throw unreachable('network')
    return body
  } catch (error) {
    throw error instanceof ParleyError ? error : unreachable(abort.signal.aborted ? 'timeout' : 'network', error)
  } finally {
    cancel()
  }
}

/** Reads that come too fast wait their turn: nobody should meet an error by scrolling quickly. */
function mayWait({ method }: HttpRequest, error: unknown): error is ParleyError {
  return (
    method === 'GET' && error instanceof ParleyError && error.code === 'rate_limited' && retryAfter(error) <= timeLimit
  )
}

/**
 * Makes the function that calls operations: with the token or the cookie, with a limit of 15 s, with errors of the table.
 * A refused token is replaced once; a read that was too much for now is asked again when it may be.
 */
export function createCall(parts: HttpParts): Call {
  const { credentials, onUnauthenticated, onViewerChanged } = parts
  const attempt = async (name: OperationName, request: HttpRequest, again: boolean): Promise<unknown> => {
    const age = parts.age()
    const token = withoutSession.has(name) ? null : await credentials.token()
    try {
      return await exchange(parts, request, { token, viewer: asAnybody.has(name) ? null : parts.viewer() })
    } catch (error) {
      if (error instanceof ParleyError && error.code === 'viewer_changed') onViewerChanged()
      if (!(error instanceof ParleyError) || error.code !== 'unauthenticated') throw error
      if (token !== null && again) {
        credentials.refuse(token)
        return attempt(name, request, false)
      }
      onUnauthenticated(age)
      throw error
    }
  }
  const inTurn = async (name: OperationName, request: HttpRequest): Promise<unknown> => {
    for (let turn = 1; ; turn += 1) {
      try {
        return await attempt(name, request, true)
      } catch (error) {
        if (turn === turnsAtMost || !mayWait(request, error)) throw error
        await new Promise<void>((resolve) => void parts.clock.after(retryAfter(error), resolve))
      }
    }
  }
  return async (name, input) => (await inTurn(name, toRequest(name, input))) as never
}
