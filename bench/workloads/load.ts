import { type Measurement, startGenerators } from '../load/generators.ts'
import { held, highestRate, measureInQuiet } from '../load/search.ts'
import { medianOf, spreadText } from '../load/spread.ts'
import type { Database } from '../machine/database.ts'
import { settleDisk } from '../machine/processes.ts'
import { recipientsOf, type Shape } from '../servers/server.ts'
import { type ServerName, servers } from '../servers/servers.ts'
import type { Outcome, Plan, Workload } from './workload.ts'

interface Run {
  readonly server: ServerName
  /** Null when not even a small rate was held. */
  readonly measurement: Measurement | null
}

type Pick = (measurement: Measurement) => number

const columns: readonly (readonly [string, Pick])[] = [
  ['messages/s', (each) => each.rate],
  ['ack p50 ms', (each) => each.ack.p50],
  ['ack p99 ms', (each) => each.ack.p99],
  ['deliver p50 ms', (each) => each.deliver.p50],
  ['deliver p99 ms', (each) => each.deliver.p99],
  ['disordered', (each) => each.disordered],
  ['server CPU %', (each) => each.usage.server],
  ['database CPU %', (each) => each.usage.database],
  ['server MB', (each) => each.usage.memory],
  ['others CPU %', (each) => each.usage.foreign],
  ['stolen CPU %', (each) => each.usage.stolen],
]

function tell(server: ServerName, { rate, ack, deliver, late, usage, ...rest }: Measurement): void {
  const { acknowledged, delivered, disordered, failures } = rest
  const parts = [
    `ack p99 ${ack.p99.toFixed(1)}, deliver p50 ${deliver.p50.toFixed(1)} p99 ${deliver.p99.toFixed(1)}`,
    `acknowledged ${(acknowledged * 100).toFixed(2)} %, delivered ${(delivered * 100).toFixed(2)} %`,
    `server ${usage.server} %, database ${usage.database} %, others ${usage.foreign} %, stolen ${usage.stolen} %`,
    `disordered ${disordered}, failures ${failures}, load late p99 ${late.p99.toFixed(1)}`,
  ]
  const word = held({ rate, ack, deliver, late, usage, ...rest }) ? 'held' : 'NOT HELD'
  console.log(`${server} ${rate}/s ${word}: ${parts.join('; ')}`)
}

async function runOnce(plan: Plan, shape: Shape, server: ServerName, database: Database): Promise<Run> {
  const { users, rate, from, seconds } = plan
  const running = await servers[server]({ database, shape, users })
  try {
    await database.writeLogAhead()
    settleDisk()
    const generators = await startGenerators(running, database.pid, recipientsOf({ shape, users }))
    const onMeasured = (measurement: Measurement) => tell(server, measurement)
    try {
      if (rate === null) return { server, measurement: await highestRate(generators, from, seconds, onMeasured) }
      const measurement = await measureInQuiet(generators, rate, seconds)
      onMeasured(measurement)
      return { server, measurement }
    } finally {
      generators.stop()
    }
  } finally {
    await running.stop()
  }
}

const yardstick: ServerName = 'naive'

function measurementsOf(server: ServerName, runs: readonly Run[]): Measurement[] {
  return runs.flatMap((run) => (run.server === server && run.measurement ? [run.measurement] : []))
}

/** How many times the naive server's median it is, in the same run: of the rate where that is looked for, else of the slowest deliveries. */
function ratioOf(server: ServerName, runs: readonly Run[], pick: Pick): string {
  const [own, other] = [measurementsOf(server, runs), measurementsOf(yardstick, runs)]
  if (own.length === 0 || other.length === 0) return '-'
  return `${(medianOf(own.map(pick)) / medianOf(other.map(pick))).toFixed(2)} x`
}

function rowOf(server: ServerName, runs: readonly Run[], compared: Pick): string[] {
  const own = measurementsOf(server, runs)
  const cells = columns.map(([, pick]) => spreadText(own.map(pick)))
  return [server, String(own.length), ratioOf(server, runs, compared), ...cells]
}

const names: Readonly<Record<Shape, string>> = { pairs: 'Pairs', group: 'One conversation of everybody' }

/** Messages among people, in pairs or all in one conversation; the servers take turns. */
export function load(shape: Shape): Workload {
  return async (plan, database): Promise<Outcome> => {
    const runs: Run[] = []
    for (let round = 0; round < plan.runs; round++) {
      for (const server of plan.servers) runs.push(await runOnce(plan, shape, server, database))
    }
    const [compared, comparison]: [Pick, string] =
      plan.rate === null
        ? [({ rate }) => rate, 'rate, to naive']
        : [({ deliver }) => deliver.p99, 'deliver p99, to naive']
    const what = plan.rate === null ? 'highest rate with p99 at most 100 ms' : `${plan.rate} messages a second`
    return {
      title: `${names[shape]} (${plan.users} people): ${what}`,
      columns: ['server', 'runs', comparison, ...columns.map(([name]) => name)],
      rows: plan.servers.map((server) => rowOf(server, runs, compared)),
      raw: runs,
    }
  }
}
