import { isIPv6 } from 'node:net'
import { limits, ParleyError } from '@parley/protocol'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

/** An attempt that was counted before it was made, so that parallel ones cannot slip through. */
export interface Attempt {
  /** Takes the count back: it was no guess. */
  succeeded(): Promise<void>
}

/** Counts attempts to sign in. */
export interface Attempts {
  /**
   * @param address the caller's network address
   * @param account what identifies the account, whether it exists or not; left out for links
   * @throws ParleyError `rate_limited` with `retryAfter` in seconds
   */
  begin(address: string, account?: string): Promise<Attempt>
}

const mappedAddress = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** What counts as one caller: an IPv4 address, or the /64 network one IPv6 subscriber is given. */
export function networkOf(address: string): string {
  const bare = address.replace(/%.*$/, '')
  const mapped = mappedAddress.exec(bare)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(bare)) return bare
  const [head = '', tail] = new URL(`http://[${bare}]`).hostname.slice(1, -1).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key)
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal
    const retryAfter = Math.ceil(refusal.msBeforeNext / 1000)
    throw new ParleyError('rate_limited', undefined, { retryAfter })
  }
}

/** Attempts counted in this process: per account, and per address over all accounts. */
export function countAttempts(): Attempts {
  const duration = limits.signInWindow / 1000
  const addresses = new RateLimiterMemory({ points: limits.signInAttemptsPerAddress, duration })
  const accounts = new RateLimiterMemory({ points: limits.signInAttemptsPerAccount, duration })
  return {
    begin: async (address, account) => {
      const network = networkOf(address)
      await consume(addresses, network)
      if (account !== undefined) await consume(accounts, account)
      return {
        succeeded: async () => {
          await addresses.reward(network, 1)
          if (account !== undefined) await accounts.delete(account)
        },
      }
    },
  }
}

/** No limits, for load and fault runs. */
export const uncountedAttempts: Attempts = { begin: async () => ({ succeeded: async () => {} }) }
