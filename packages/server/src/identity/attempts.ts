import { limits, ParleyError } from '@parley/protocol'
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { SharedCounts } from '../redis.ts'
import { networkOf } from './network.ts'

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

async function consume(limiter: RateLimiterAbstract, key: string): Promise<void> {
  try {
    await limiter.consume(key)
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal
    const retryAfter = Math.ceil(refusal.msBeforeNext / 1000)
    throw new ParleyError('rate_limited', undefined, { retryAfter })
  }
}

function openLimiter(name: string, points: number, shared: SharedCounts | undefined): RateLimiterAbstract {
  const duration = limits.signInWindow / 1000
  const memory = new RateLimiterMemory({ points, duration })
  if (!shared) return memory
  return new RateLimiterRedis({
    storeClient: shared.redis,
    keyPrefix: `${shared.prefix}:attempt:${name}`,
    points,
    duration,
    insuranceLimiter: memory,
    rejectIfRedisNotReady: true,
  })
}

/**
 * Counts attempts per account, and per address over all accounts.
 * @param shared where all nodes count together; while that is away, and without it, each process counts alone
 */
export function countAttempts(shared?: SharedCounts): Attempts {
  const addresses = openLimiter('address', limits.signInAttemptsPerAddress, shared)
  const accounts = openLimiter('account', limits.signInAttemptsPerAccount, shared)
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
