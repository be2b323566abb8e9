import type { IncomingMessage, ServerResponse } from 'node:http'
import { ParleyError } from '@parley/protocol'
import type { Config } from './config.ts'
import { networkOf } from './identity/network.ts'
import type { Rates } from './rate-limit.ts'

type Next = (error?: Error) => void

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

function refuse(request: IncomingMessage, response: ServerResponse, seconds: number): void {
  if (request.headers.upgrade === undefined) {
    response.writeHead(503, { 'retry-after': String(seconds) }).end()
    return
  }
  request.socket.end(
    `HTTP/1.1 503 Service Unavailable\r\nRetry-After: ${seconds}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
  )
}

/**
 * Lets so many connections in from one address and refuses the rest with 503 and `Retry-After`, before anything is spent on them.
 * @param config whether the address stands in `X-Forwarded-For`
 */
export function upgradeGuard(config: Pick<Config, 'trustProxy'>, rates: Pick<Rates, 'spend'>) {
  return (request: IncomingMessage, response: ServerResponse, next: Next): void => {
    if (/[?&]sid=/.test(request.url ?? '')) {
      next()
      return
    }
    rates.spend('upgrade', networkOf(addressOf(config, request))).then(
      () => next(),
      (error: unknown) => {
        const details = error instanceof ParleyError ? (error.details as { retryAfter?: number }) : {}
        refuse(request, response, details.retryAfter ?? 1)
      },
    )
  }
}
