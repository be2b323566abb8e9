import { parseArgs } from 'node:util'
import { startDatabase } from './machine/database.ts'
import { loadCores, pinTree } from './machine/processes.ts'
import { keep, tableOf, writePage } from './page.ts'
import { killAll } from './servers/child.ts'
import { type ServerName, servers } from './servers/servers.ts'
import type { Plan } from './workloads/workload.ts'
import { type WorkloadName, workloads } from './workloads/workloads.ts'

const options = {
  workload: { type: 'string', default: 'pairs' },
  servers: { type: 'string', default: 'parley,naive' },
  runs: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '10' },
  users: { type: 'string', default: '100' },
  rate: { type: 'string', default: '200' },
  from: { type: 'string', default: '500' },
  write: { type: 'boolean', default: false },
} as const

function oneOf<Name extends string>(known: Readonly<Record<Name, unknown>>, name: string): Name {
  if (Object.hasOwn(known, name)) return name as Name
  throw new Error(`${name} is none of ${Object.keys(known).join(', ')}`)
}

function planOf(values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values']): Plan {
  return {
    servers: values.servers.split(',').map((name): ServerName => oneOf(servers, name)),
    runs: Number(values.runs),
    seconds: Number(values.seconds),
    users: Number(values.users),
    rate: values.rate === 'auto' ? null : Number(values.rate),
    from: Number(values.from),
  }
}

const { values } = parseArgs({ options })
const name: WorkloadName = oneOf(workloads, values.workload)
const plan = planOf(values)
pinTree(process.pid, loadCores.join(','))
const database = await startDatabase()
/** An end from outside ends what was started as well; who makes load ends with us. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killAll()
    database.stop()
    process.exit(1)
  })
}
try {
  const outcome = await workloads[name](plan, database)
  keep(name, plan, outcome)
  console.log(`\n${outcome.title}\n\n${tableOf(outcome)}`)
  if (values.write) writePage()
} finally {
  database.stop()
}
