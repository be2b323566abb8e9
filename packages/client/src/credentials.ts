import { type Clock, within } from './clock.ts'
import { unreachable } from './http-errors.ts'

/** How the client shows who it is. */
export interface Credentials {
  /**
   * The host's token, renewed when it is about to end; null when the session cookie is used.
   * @throws ParleyError `unavailable` when the host gives none
   */
  token(): Promise<string | null>
  /** Forgets a token that the server has refused. */
  refuse(token: string): void
  /** Milliseconds until the token should be renewed; null when that is not known. */
  renewIn(): number | null
}

/** The session cookie, which the browser sends by itself. */
export const cookieCredentials: Credentials = {
  token: async () => null,
  refuse: () => {},
  renewIn: () => null,
}

const margin = 60_000
const timeLimit = 15_000
const askAgainAfter = 10_000

function claimsOf(token: string): { exp?: unknown; iat?: unknown } {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
    const claims: unknown = JSON.parse(atob(payload))
    return typeof claims === 'object' && claims !== null ? claims : {}
  } catch {
    return {}
  }
}

/**
 * How long a token that was just received may be used, milliseconds; null when it does not say. A wrong clock on this
 * device must not make every token look old: then its whole lifetime counts from now.
 */
function usableFor(token: string, now: number): number | null {
  const { exp, iat } = claimsOf(token)
  if (typeof exp !== 'number') return null
  const remaining = exp * 1000 - now
  const lifetime = typeof iat === 'number' ? (exp - iat) * 1000 : remaining
  const usable = remaining > 0 && remaining <= lifetime ? remaining : lifetime
  return usable > 0 ? usable - Math.min(margin, usable / 2) : null
}

/**
 * Tokens that the host's page or backend signs. They are kept until 60 s before their end; while the host gives no other one, a token is
 * used until it is refused, and the host asked every 10 s.
 */
export function tokenCredentials(getToken: () => Promise<string>, clock: Clock): Credentials {
  let current: { readonly token: string; readonly renewAt: number | null } | null = null
  let asking: Promise<string> | null = null
  const receive = async () => getToken()
  const ask = async () => {
    let cause: unknown
    const given = receive().catch((error: unknown) => {
      cause = error
      return null
    })
    const token = (await within(clock, timeLimit, given, null)) ?? current?.token
    asking = null
    if (token === undefined) throw unreachable('network', cause)
    const usable = token === current?.token ? askAgainAfter : usableFor(token, clock.now())
    current = { token, renewAt: usable === null ? null : clock.now() + usable }
    return token
  }
  return {
    token: async () => {
      if (current && (current.renewAt === null || current.renewAt > clock.now())) return current.token
      asking ??= ask()
      return asking
    },
    refuse: (token) => {
      if (current?.token === token) current = null
    },
    renewIn: () => (current?.renewAt == null ? null : Math.max(0, current.renewAt - clock.now())),
  }
}
