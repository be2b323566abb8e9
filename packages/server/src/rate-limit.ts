import { limits, type OperationName, ParleyError } from '@parley/protocol'
import type { Actor } from './actor.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { pairKey } from './ids.ts'
import { memoryBucket, type Rate, redisBucket } from './rate-bucket.ts'
import type { SharedCounts } from './redis.ts'

/** What is limited: what a person does; calls of nobody known, and upgrades to a socket, from an address. */
export type Spending = 'message' | 'call' | 'mark' | 'signal' | 'search' | 'conversation' | 'anonymous-call' | 'upgrade'

/** What every call of an operation spends. Marks are told by each device for itself, and must not keep its owner from writing; to leave is free. */
export function feeOf(operation: OperationName): Spending | undefined {
  if (operation === 'signOut') return undefined
  return operation === 'markRead' || operation === 'markDelivered' ? 'mark' : 'call'
}

/** What an operation spends besides its fee. */
export function spendingOf(operation: OperationName, input: object): Spending | undefined {
  if (operation === 'sendMessage') return 'message'
  if (operation === 'createConversation') return 'conversation'
  return 'q' in input && input.q ? 'search' : undefined
}

/** Counts what people do. */
export interface Rates {
  /**
   * Counts one more.
   * @param key who does it
   * @throws ParleyError `rate_limited` with `retryAfter` in seconds
   */
  spend(spending: Spending, key: string): Promise<void>
}

/** A person as one who spends. */
export function actorKey({ workspaceId, userId }: Pick<Actor, 'workspaceId' | 'userId'>): string {
  return pairKey(workspaceId, userId)
}

function ratesOf({ messagesPerMinute }: Pick<Config, 'messagesPerMinute'>): Record<Spending, Rate> {
  return {
    message: { perMinute: messagesPerMinute, burst: Math.min(limits.messagesBurst, messagesPerMinute) },
    call: { perMinute: limits.callsPerMinute, burst: limits.callsBurst },
    mark: { perMinute: limits.callsPerMinute, burst: limits.callsBurst },
    signal: { perMinute: limits.signalsPerMinute, burst: limits.signalsBurst },
    search: { perMinute: limits.searchesPerMinute, burst: limits.searchesPerMinute },
    conversation: { perMinute: limits.conversationsPerMinute, burst: limits.conversationsPerMinute },
    'anonymous-call': { perMinute: limits.anonymousCallsPerMinute, burst: limits.anonymousCallsPerMinute },
    upgrade: { perMinute: limits.upgradesPerMinute, burst: limits.upgradesBurst },
  }
}

const unlimited: Rates = { spend: async () => {} }

/**
 * The limits of a server. Each process counts for itself, so that nothing is without limits while Redis is away.
 * @param config which limits
 * @param clock a clock that is never set
 * @param shared where all nodes count together
 */
export function createRates(
  config: Pick<Config, 'rateLimits' | 'messagesPerMinute'>,
  clock: Clock,
  shared: SharedCounts | undefined,
): Rates {
  if (!config.rateLimits) return unlimited
  const rates = ratesOf(config)
  const buckets = [memoryBucket(clock), ...(shared ? [redisBucket(shared, clock)] : [])]
  return {
    spend: async (spending, key) => {
      for (const bucket of buckets) {
        const wait = await bucket(pairKey(spending, key), rates[spending])
        if (wait > 0) throw new ParleyError('rate_limited', undefined, { retryAfter: Math.ceil(wait / 1000) })
      }
    },
  }
}
