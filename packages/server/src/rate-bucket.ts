import { LRUCache } from 'lru-cache'
import type { Clock } from './clock.ts'
import type { SharedCounts } from './redis.ts'

/** How often something may be done: so many times at once, and so many more each minute. */
export interface Rate {
  readonly perMinute: number
  readonly burst: number
}

/** Counts one more, or answers after how many milliseconds it may be tried again; 0 when it was counted. */
export type Bucket = (key: string, rate: Rate) => Promise<number>

const remembered = 100_000
const restAfterFailure = 1_000

function timesOf({ perMinute, burst }: Rate): { interval: number; tolerance: number } {
  const interval = 60_000 / perMinute
  return { interval, tolerance: (burst - 1) * interval }
}

/** Counts in this process. One number a key: when the last one allowed would have been due at an even pace (GCRA). */
export function memoryBucket(clock: Clock): Bucket {
  const due = new LRUCache<string, number>({ max: remembered })
  return async (key, rate) => {
    const { interval, tolerance } = timesOf(rate)
    const now = clock()
    const next = Math.max(now, due.get(key) ?? 0)
    if (next - now > tolerance) return next - now - tolerance
    due.set(key, next + interval)
    return 0
  }
}

/** As {@link memoryBucket}, by the clock of Redis; should that clock be set back, nobody waits longer than a whole burst takes. */
const script = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local known = tonumber(redis.call('GET', KEYS[1]) or '0')
local next = math.max(now, math.min(known, now + tolerance + interval))
if next - now > tolerance then return math.ceil(next - now - tolerance) end
redis.call('SET', KEYS[1], string.format('%.3f', next + interval), 'PX', math.ceil(next + interval - now))
return 0`

/** Counts for all nodes together. While Redis is away it allows everything, and asks again after a rest. */
export function redisBucket({ redis, prefix }: SharedCounts, clock: Clock): Bucket {
  let resting = Number.NEGATIVE_INFINITY
  return async (key, rate) => {
    if (redis.status !== 'ready' || clock() < resting) return 0
    const { interval, tolerance } = timesOf(rate)
    try {
      return Number(await redis.eval(script, 1, `${prefix}:rate:${key}`, interval, tolerance))
    } catch {
      resting = clock() + restAfterFailure
      return 0
    }
  }
}
