import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, Trial } from '../fault.ts'
import type { Wire } from '../stage/stage.ts'
import { percentile } from '../workload/workload.ts'

const recoversWithin = 3_000
const remoteWithin = 1_500
const lastWithin = 2_000
const seconds = 15
const secondsShort = 3

/** Holds what is read at another node than it was written at to its time. */
function expectDelays(trial: Trial, from: number, to: number): void {
  const delays = trial.workload.delays(from, to)
  const [p50, p99, worst] = [50, 99, 100].map((percent) => Math.round(percentile(delays, percent)))
  trial.expect(delays.length > 0 && (p99 ?? 0) < remoteWithin, `remote delivery p99 was ${p99} ms`)
  trial.note(`remote deliveries ${delays.length}, p50 / p99 / worst ${p50} / ${p99} / ${worst} ms`)
}

/** The last message before a silence comes too: nobody writes, then one does, and the others wait for it. */
async function lastWord({ workload, recovered }: Trial): Promise<void> {
  const begun = performance.now()
  await workload.pause()
  await workload.level()
  workload.goOn()
  recovered(performance.now() - begun, lastWithin)
}

/** Once all is well again, the nodes hear each other. */
async function heard({ stage, recovered }: Trial): Promise<void> {
  const begun = performance.now()
  while (!(await stage.isHealthy(0)) || !(await stage.isHealthy(1))) await sleep(20)
  recovered(performance.now() - begun, recoversWithin)
}

type Step = (trial: Trial) => unknown

interface Course {
  readonly begin: Step
  /** Also begins anew each second. */
  readonly again?: boolean
  readonly end: Step
}

function course({ begin, again, end }: Course): Fault['strike'] {
  return async (trial) => {
    await trial.wait(1)
    const begun = performance.now()
    for (let second = 0; second < (trial.short ? secondsShort : seconds); second += 1) {
      if (second === 0 || again) await begin(trial)
      await trial.wait(1)
    }
    await lastWord(trial)
    const over = performance.now()
    await end(trial)
    await heard(trial)
    await trial.workload.recovered()
    expectDelays(trial, begun, over)
  }
}

const tiny = 'CONFIG SET client-output-buffer-limit "pubsub 1 1 1"'
const usual = 'CONFIG SET client-output-buffer-limit "pubsub 32mb 8mb 60"'
const command =
  (text: string): Step =>
  ({ stage }) =>
    stage.redis.command(text)
const nothing: Step = () => undefined

const common = {
  promise: 'G10; remote delivery p99 within 1.5 s; back to normal within 3 s',
  needs: { nodes: 2, redis: true },
  recoversWithin,
} as const

const cutFromRedis: Course = {
  begin: ({ stage }) => {
    for (const wire of stage.wires.redis ?? []) {
      wire.hold('up', 'down')
      wire.cut()
    }
  },
  end: ({ stage }) => {
    for (const wire of stage.wires.redis ?? []) wire.flow()
  },
}

const redisWire: readonly Wire[] = ['redis']

export const redisFaults: readonly Fault[] = [
  {
    name: 'redis-killed',
    title: 'Redis killed',
    ...common,
    strike: course({ begin: ({ stage }) => stage.redis.kill(), end: ({ stage }) => stage.redis.start() }),
  },
  {
    name: 'redis-flushed',
    title: 'Redis flushed, each second',
    ...common,
    strike: course({ begin: command('FLUSHALL'), again: true, end: nothing }),
  },
  {
    name: 'redis-hung',
    title: 'Redis stopped by SIGSTOP',
    ...common,
    strike: course({ begin: ({ stage }) => stage.redis.hang(), end: ({ stage }) => stage.redis.goOn() }),
  },
  {
    name: 'redis-buffer',
    title: 'Redis with an output buffer of one byte',
    ...common,
    strike: course({ begin: command(tiny), end: command(usual) }),
  },
  {
    name: 'redis-subscribers',
    title: 'Redis drops its subscribers, each second',
    ...common,
    strike: course({ begin: command('CLIENT KILL TYPE pubsub'), again: true, end: nothing }),
  },
  {
    name: 'cut-from-redis',
    title: 'one node cut from Redis',
    promise: 'late by at most 1.5 s',
    needs: { ...common.needs, wires: redisWire },
    recoversWithin,
    strike: course(cutFromRedis),
  },
]
