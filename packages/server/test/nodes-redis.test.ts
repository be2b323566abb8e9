import { setTimeout as sleep } from 'node:timers/promises'
import { hasRedis, type TestRedis } from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, startCluster, startRedis } from './nodes/cluster.ts'
import { type Outcome, p99, runTraffic } from './nodes/traffic.ts'

const healthyWithin = 250
const faultyWithin = 1_500
/** Also the last one before silence. */
const everyWithin = 2_000
const normalWithin = 3_000

/** A fault, and the seconds it goes on. */
interface Fault {
  readonly name: string
  begin(redis: TestRedis, channel: string): Promise<unknown>
  readonly each?: number
  end(redis: TestRedis): Promise<unknown>
}

const nothing = async () => {}

const faults: readonly Fault[] = [
  { name: 'killed', begin: (redis) => redis.kill(), end: (redis) => redis.start() },
  { name: 'flushed', begin: (redis) => redis.command('FLUSHALL'), each: 500, end: nothing },
  { name: 'hung', begin: async (redis) => redis.hang(), end: async (redis) => redis.goOn() },
  {
    name: 'with output buffers too small for anything',
    begin: async (redis, channel) => {
      await redis.command('CONFIG SET client-output-buffer-limit "pubsub 1 1 1"')
      await redis.command(`PUBLISH ${channel} ${'x'.repeat(60_000)}`)
    },
    each: 500,
    end: (redis) => redis.command('CONFIG SET client-output-buffer-limit "pubsub 32mb 8mb 60"'),
  },
  {
    name: 'dropping its subscribers every second',
    begin: (redis) => redis.command('CLIENT KILL TYPE pubsub'),
    each: 1_000,
    end: nothing,
  },
]

async function healthy(cluster: Cluster): Promise<void> {
  while (!(await cluster.isHealthy(0)) || !(await cluster.isHealthy(1))) await sleep(20)
}

function report(name: string, outcome: Outcome): void {
  const [half] = outcome.delays.slice(outcome.delays.length / 2)
  const figures = [half, p99(outcome), outcome.delays.at(-1)].map((value) => Math.round(value ?? 0))
  process.stdout.write(`${name}: ${outcome.delays.length} messages, p50/p99/worst ${figures.join(' / ')} ms\n`)
}

describe.skipIf(!hasRedis())('two nodes with Redis', () => {
  let redis: TestRedis
  let cluster: Cluster

  beforeAll(async () => {
    redis = await startRedis()
    cluster = await startCluster(redis)
  })

  afterAll(async () => {
    await cluster.close()
    await redis.kill()
  })

  test('G10 with Redis healthy a message is at the other node within 250 ms', async () => {
    await healthy(cluster)
    const outcome = await runTraffic(cluster, () => sleep(3_000))
    report('healthy', outcome)
    expect(outcome.faults).toEqual([])
    expect(p99(outcome)).toBeLessThan(healthyWithin)
  })

  test.each(faults)(
    'G10 with Redis $name every message arrives, in order and in time',
    async ({ name, begin, each, end }) => {
      await healthy(cluster)
      const [installation] = await cluster.database.query<{ epoch: string }>('select epoch from installation')
      const channel = `parley:${installation?.epoch}`
      const outcome = await runTraffic(cluster, async () => {
        await sleep(300)
        await begin(redis, channel)
        for (let passed = 0; passed < 4_000; passed += each ?? 4_000) {
          await sleep(each ?? 4_000)
          if (each !== undefined) await begin(redis, channel)
        }
      })
      report(name, outcome)
      expect(outcome.faults).toEqual([])
      expect(p99(outcome)).toBeLessThan(faultyWithin)
      expect(outcome.delays.at(-1)).toBeLessThan(everyWithin)
      await end(redis)
      const begun = performance.now()
      await healthy(cluster)
      expect(performance.now() - begun).toBeLessThan(normalWithin)
    },
  )
})
