import { Redis } from 'ioredis'

/** What all nodes of an installation count together. */
export interface SharedCounts {
  readonly redis: Redis
  /** Begins every key: names the installation. */
  readonly prefix: string
}

/** How long a command may take, milliseconds: nothing waits longer for Redis. */
const longestCommand = 250
const connectTimeout = 1_000
const firstRetry = 50
const longestRetry = 1_000

/**
 * A connection that never keeps anybody waiting: what cannot be said at once fails, and it reconnects by itself.
 * @param url `redis:` or `rediss:`
 * @param commandTimeout how long a command may take, milliseconds
 */
export function openRedis(url: string, commandTimeout = longestCommand): Redis {
  const redis = new Redis(url, {
    commandTimeout,
    connectTimeout,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times) => Math.min(longestRetry, firstRetry * 2 ** Math.min(times, 10)),
  })
  redis.on('error', () => {})
  return redis
}
