import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Measurement, startGenerators } from './load/generators.ts'
import { held, highestRate, measureInQuiet } from './load/search.ts'
import { type Database, startDatabase } from './machine/database.ts'
import { machineLine } from './machine/processes.ts'
import { loadTable } from './report.ts'
import { recipientsOf, type Shape } from './servers/server.ts'
import { type ServerName, servers } from './servers/servers.ts'

/** One run of one server. */
export interface Run {
  readonly server: ServerName
  readonly measurement: Measurement | null
}

interface Plan {
  readonly shape: Shape
  readonly servers: readonly ServerName[]
  readonly runs: number
  readonly seconds: number
  readonly users: number
  /** Messages a second, or null to look for the highest. */
  readonly rate: number | null
  readonly from: number
}

const options = {
  workload: { type: 'string', default: 'pairs' },
  servers: { type: 'string', default: 'parley,naive' },
  runs: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '10' },
  users: { type: 'string', default: '100' },
  rate: { type: 'string', default: '200' },
  from: { type: 'string', default: '500' },
} as const

function isServer(name: string): name is ServerName {
  return Object.hasOwn(servers, name)
}

function readPlan(): Plan {
  const { values } = parseArgs({ options })
  const names = values.servers.split(',')
  const unknown = names.find((name) => !isServer(name))
  if (unknown !== undefined) throw new Error(`There is no server ${unknown}: ${Object.keys(servers).join(', ')}`)
  if (values.workload !== 'pairs' && values.workload !== 'group') throw new Error('The workload is pairs or group')
  return {
    shape: values.workload,
    servers: names.filter(isServer),
    runs: Number(values.runs),
    seconds: Number(values.seconds),
    users: Number(values.users),
    rate: values.rate === 'auto' ? null : Number(values.rate),
    from: Number(values.from),
  }
}

function tell(server: ServerName, { rate, ack, deliver, late, usage, ...rest }: Measurement, isHeld: boolean): void {
  const delays = `ack p99 ${ack.p99.toFixed(1)}, deliver p50 ${deliver.p50.toFixed(1)} p99 ${deliver.p99.toFixed(1)}`
  const shares = `acknowledged ${(rest.acknowledged * 100).toFixed(2)} %, delivered ${(rest.delivered * 100).toFixed(2)} %`
  const cores = `server ${usage.server} %, database ${usage.database} %, others ${usage.foreign} %`
  const faults = `disordered ${rest.disordered}, failures ${rest.failures}, late p99 ${late.p99.toFixed(1)}`
  console.log(`${server} ${rate}/s ${isHeld ? 'held' : 'NOT HELD'}: ${delays}; ${shares}; ${cores}; ${faults}`)
}

async function runOnce(plan: Plan, server: ServerName, database: Database): Promise<Run> {
  const { shape, users, rate, from, seconds } = plan
  const running = await servers[server]({ database, shape, users })
  try {
    const generators = await startGenerators(running, database.pid, recipientsOf({ shape, users }))
    try {
      const onMeasured = (measurement: Measurement, isHeld: boolean) => tell(server, measurement, isHeld)
      if (rate === null) return { server, measurement: await highestRate(generators, from, seconds, onMeasured) }
      const measurement = await measureInQuiet(generators, rate, seconds)
      onMeasured(measurement, held(measurement))
      return { server, measurement }
    } finally {
      generators.stop()
    }
  } finally {
    await running.stop()
  }
}

function keep(plan: Plan, runs: readonly Run[]): string {
  const folder = join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  const at = new Date().toISOString()
  const file = join(folder, `${plan.shape}-${plan.rate ?? 'auto'}-${at.replaceAll(/\W/g, '')}.json`)
  writeFileSync(file, `${JSON.stringify({ at, machine: machineLine(), plan, runs }, null, 1)}\n`)
  return file
}

const plan = readPlan()
const database = await startDatabase()
const runs: Run[] = []
let stopped = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (stopped = true))
try {
  for (let round = 0; round < plan.runs && !stopped; round++) {
    for (const server of plan.servers) if (!stopped) runs.push(await runOnce(plan, server, database))
  }
} finally {
  database.stop()
}
console.log(`\n${loadTable(plan.servers, runs)}\n\n${keep(plan, runs)}`)
