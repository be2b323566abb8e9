import { viewerHeader } from '@parley/protocol'
import type { FastifyRequest } from 'fastify'
import type { Config } from './config.ts'

/** Headers of every API answer. */
export const apiHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

const permissions = ['camera', 'display-capture', 'geolocation', 'microphone', 'payment', 'usb']

/** Pictures of people are wherever their hosts keep them; sockets are of our own origin, which older browsers want told by its address. */
function contentPolicy({ publicUrl }: Pick<Config, 'publicUrl'>, nonce: string | undefined): string {
  const sockets = publicUrl === undefined ? '' : ` ${new URL(publicUrl).origin.replace(/^http/, 'ws')}`
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self'${nonce === undefined ? '' : ` 'nonce-${nonce}'`}`,
    "img-src 'self' blob: data: https:",
    `connect-src 'self'${sockets}`,
    "font-src 'self'",
    "manifest-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "object-src 'none'",
    "form-action 'self'",
    "require-trusted-types-for 'script'",
  ].join('; ')
}

/**
 * Headers of the application's page and its files.
 * @param nonce of the page, for the styles it adds
 */
export function pageHeaders(config: Pick<Config, 'publicUrl'>, nonce?: string): Readonly<Record<string, string>> {
  return {
    'content-security-policy': contentPolicy(config, nonce),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': permissions.map((name) => `${name}=()`).join(', '),
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  }
}

/**
 * Headers that let pages of the configured origins call the API with a token. Cookies are never shared with them.
 * @param origin the request's `Origin`
 */
export function corsHeaders(
  config: Pick<Config, 'allowedOrigins'>,
  origin: string | undefined,
): Record<string, string> {
  if (origin === undefined || !config.allowedOrigins.includes(origin)) return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, POST, PATCH, DELETE',
    'access-control-allow-headers': `authorization, content-type, ${viewerHeader}`,
    'access-control-expose-headers': 'retry-after',
    'access-control-max-age': '600',
    'cross-origin-resource-policy': 'cross-origin',
  }
}

/**
 * Whether an origin is our own page: the public URL if one is configured, else the host the request came to.
 * @param origin an `Origin` header
 * @param host the request's `Host` header
 */
export function isOwnOrigin(config: Pick<Config, 'publicUrl'>, origin: string, host: string | undefined): boolean {
  if (config.publicUrl !== undefined) return origin === new URL(config.publicUrl).origin
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
}

/** The host's token that a request brings; any other kind of authorization is a proxy's, and none of ours. */
export function bearerOf({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  return /^bearer (.*)$/i.exec(headers.authorization ?? '')?.[1]
}

/**
 * Whether a request would use the session cookie, or get one, from a page that is not ours.
 * @param opensSession whether it may be answered with a cookie
 */
export function isForeign(
  config: Pick<Config, 'publicUrl'>,
  request: Pick<FastifyRequest, 'headers'>,
  opensSession: boolean,
): boolean {
  const { origin, cookie, host } = request.headers
  if (!opensSession && (cookie === undefined || bearerOf(request) !== undefined)) return false
  if (request.headers['sec-fetch-site'] === 'cross-site') return true
  return origin !== undefined && !isOwnOrigin(config, origin, host)
}
