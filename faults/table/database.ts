import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, Trial } from '../fault.ts'
import { megabytes, memoryDuring } from '../stage/memory.ts'
import type { StopMode } from '../stage/postgres.ts'
import { percentile } from '../workload/workload.ts'

const recoversWithin = 5_000
const requestsEndWithin = 10_500
const growthAllowed = 60 * 1024 * 1024
const probeEvery = 500

async function statusOf(url: string): Promise<number> {
  const [answer] = await Promise.allSettled([fetch(url, { signal: AbortSignal.timeout(requestsEndWithin) })])
  return answer.status === 'fulfilled' ? answer.value.status : 0
}

/** Asks for liveness and readiness while something goes on; answers every status that was seen. */
async function probe({ stage }: Trial, work: () => Promise<void>): Promise<Record<'healthz' | 'readyz', Set<number>>> {
  const seen = { healthz: new Set<number>(), readyz: new Set<number>() }
  let over = false
  const asking = (async () => {
    while (!over) {
      for (const { url } of stage.nodes) {
        for (const name of ['healthz', 'readyz'] as const) seen[name].add(await statusOf(`${url}/${name}`))
      }
      await sleep(probeEvery)
    }
  })()
  await work()
  over = true
  await asking
  return seen
}

/** By how much memory was more at the end than it had been in the first half, while servers that have just started still fill their heaps. */
function growthOf(taken: readonly number[]): number {
  return (taken.at(-1) ?? 0) - Math.max(...taken.slice(0, Math.ceil(taken.length / 2)))
}

/**
 * Holds the server to what it promises while its database is away.
 * @param unready whether it is away so long that the server must say so
 */
async function away(trial: Trial, unready: boolean, work: () => Promise<void>): Promise<void> {
  const { stage, workload, expect, note } = trial
  workload.takeSlowest()
  const { result: seen, taken } = await memoryDuring(stage, () => probe(trial, work))
  const slowest = workload.takeSlowest()
  const grown = growthOf(taken)
  const [alive, ready] = [[...seen.healthz], [...seen.readyz]]
  expect(!unready || ready.includes(503), 'nobody was told that the server is not ready')
  expect(
    alive.every((status) => status === 200),
    `liveness was ${alive}`,
  )
  expect(
    ready.every((status) => status === 200 || status === 503),
    `readiness was ${ready}`,
  )
  expect(slowest < requestsEndWithin, `a request took ${Math.round(slowest)} ms`)
  expect(grown < growthAllowed, `memory grew by ${megabytes(grown)} MB`)
  note(
    `slowest request ${Math.round(slowest)} ms, memory in the second half ${megabytes(grown)} MB more, readiness ${ready}`,
  )
}

/** Refused with 503 and nothing else. */
function onlyUnavailable({ workload, expect }: Trial): void {
  const seen = new Set(workload.writers.flatMap(({ refusals }) => [...refusals.keys()]))
  expect(
    [...seen].every((status) => status === 503),
    `answers while the database was away: ${[...seen]}`,
  )
}

/** The database is told to stop, and is started again after some seconds. */
function restart(mode: StopMode, seconds: number, secondsShort: number) {
  return async (trial: Trial) => {
    const { postgres } = trial.stage
    await trial.wait(1)
    await away(trial, seconds > 0, async () => {
      await postgres.stop(mode)
      await trial.wait(trial.short ? secondsShort : seconds)
      await postgres.start()
    })
    onlyUnavailable(trial)
  }
}

async function hang(trial: Trial): Promise<void> {
  const { stage, wait, short } = trial
  await wait(1)
  await away(trial, !short, async () => {
    stage.postgres.hang()
    await wait(short ? 3 : 20)
    stage.postgres.goOn()
  })
  onlyUnavailable(trial)
}

async function terminate(trial: Trial): Promise<void> {
  const { stage, wait, short } = trial
  const text = `select pg_terminate_backend(pid) from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()`
  for (let round = 0; round < (short ? 2 : 10); round += 1) {
    await wait(1)
    await stage.postgres.run('parley', text)
  }
  onlyUnavailable(trial)
}

async function forbidWriting(trial: Trial): Promise<void> {
  const { postgres } = trial.stage
  const reload = () => postgres.run('postgres', 'select pg_reload_conf()')
  await trial.wait(1)
  await away(trial, true, async () => {
    await postgres.run('postgres', 'alter system set default_transaction_read_only = on')
    await reload()
    await trial.wait(trial.short ? 2 : 20)
    await postgres.run('postgres', 'alter system reset default_transaction_read_only')
    await reload()
  })
  onlyUnavailable(trial)
}

const othersWithin = 1_000

/** Somebody holds one conversation's row, as a runaway transaction would. */
async function lockRow(trial: Trial): Promise<void> {
  const { stage, workload, wait, short, expect, note } = trial
  const locked = workload.cast.settings[2]?.id ?? ''
  const owner = await stage.owner()
  const begun = performance.now()
  await owner.query('begin', [])
  await owner.query('select 1 from parley.conversations where id = $1 for update', [locked])
  await wait(short ? 6 : 30)
  const over = performance.now()
  await owner.query('commit', [])
  await owner.end()
  await workload.recovered()
  const others = workload.answers(begun, over, (id) => id !== locked)
  const p99 = percentile(others, 99)
  expect(others.length > 0 && p99 < othersWithin, `elsewhere 1 of 100 sends waited longer than ${Math.round(p99)} ms`)
  note(`elsewhere ${others.length} sends, p99 ${Math.round(p99)} ms, worst ${Math.round(others.at(-1) ?? 0)} ms`)
  onlyUnavailable(trial)
}

/** The first node loses its database; its clients go to the other one. */
async function cutFromDatabase(trial: Trial): Promise<void> {
  const { stage, workload, wait, short, expect, note } = trial
  const [wire] = stage.wires.database ?? []
  const [first] = stage.nodes
  await wait(1)
  wire?.hold('up', 'down')
  wire?.cut()
  const begun = performance.now()
  const status = await statusOf(`${first?.url}/readyz`)
  await wait(short ? 4 : 25)
  wire?.flow()
  const over = performance.now()
  await workload.recovered()
  expect(status === 503, `readiness of the node without a database was ${status}`)
  const answers = workload.answers(begun, over)
  note(`${answers.length} sends in between, p99 ${Math.round(percentile(answers, 99))} ms`)
  onlyUnavailable(trial)
}

const common = {
  promise: 'G11; liveness 200, readiness 503, memory flat, requests end within 10 s, recovered within 5 s',
  needs: { nodes: 2 },
  recoversWithin,
} as const

export const databaseFaults: readonly Fault[] = [
  { name: 'database-fast', title: 'PostgreSQL restarted, fast', ...common, strike: restart('fast', 0, 0) },
  { name: 'database-crash', title: 'PostgreSQL restarted, immediate', ...common, strike: restart('immediate', 0, 0) },
  { name: 'database-away', title: 'PostgreSQL away for 60 s', ...common, strike: restart('fast', 60, 3) },
  { name: 'database-hung', title: 'PostgreSQL stopped by SIGSTOP for 20 s', ...common, strike: hang },
  { name: 'database-sessions', title: 'all database sessions terminated, each second', ...common, strike: terminate },
  { name: 'database-read-only', title: 'database read-only for 20 s', ...common, strike: forbidWriting },
  {
    name: 'database-lock',
    title: "one conversation's row locked for 30 s",
    promise: 'only that conversation waits, then 503; others normal',
    needs: { nodes: 2 },
    recoversWithin,
    strike: lockRow,
  },
  {
    name: 'cut-from-database',
    title: 'one node cut from PostgreSQL',
    promise: 'not ready, no delivery without membership, clients move',
    needs: { nodes: 2, redis: true, wires: ['database'] },
    recoversWithin,
    strike: cutFromDatabase,
  },
]
