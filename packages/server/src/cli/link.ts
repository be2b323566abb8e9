import type { Config } from '../config.ts'

/**
 * Where a browser reaches the application: as configured, or on this machine. A server that listens everywhere is reached at
 * the loopback.
 */
export function baseUrl({ host, port, publicUrl }: Pick<Config, 'host' | 'port' | 'publicUrl'>): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/$/, '')
  const everywhere = host === '0.0.0.0' || host === '::'
  const name = everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}

/**
 * A link that signs somebody in. The token stands behind the `#`, so no server or proxy on the way gets to log it.
 * @param base what {@link baseUrl} answers
 * @param token of a one-time link
 */
export function linkTo(base: string, token: string): string {
  return `${base}/link#${token}`
}
