import type { Config } from '../config.ts'

/** An address for the browser of this machine: a server that listens everywhere is reached at the loopback. */
function localUrl({ host, port }: Pick<Config, 'host' | 'port'>): string {
  const everywhere = host === '0.0.0.0' || host === '::'
  const name = everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}

/**
 * A link that signs somebody in. The token stands behind the `#`, so no server or proxy on the way gets to log it.
 * @param config where the application is reached
 * @param token of a one-time link
 */
export function linkTo(config: Pick<Config, 'host' | 'port' | 'publicUrl'>, token: string): string {
  const base = (config.publicUrl ?? localUrl(config)).replace(/\/$/, '')
  return `${base}/link#${token}`
}
