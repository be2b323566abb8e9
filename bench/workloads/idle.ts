import { setTimeout as sleep } from 'node:timers/promises'
import { startGenerators } from '../load/generators.ts'
import { spreadText } from '../load/spread.ts'
import { collectGarbage } from '../machine/collect.ts'
import type { Database } from '../machine/database.ts'
import { memoryOf } from '../machine/processes.ts'
import type { RunningServer } from '../servers/server.ts'
import { type ServerName, servers } from '../servers/servers.ts'
import type { Workload } from './workload.ts'

const settling = 15_000

/** Memory of a server that was left alone, MB; of one on Node without its garbage. */
async function memoryAtRest({ pid, driver }: RunningServer): Promise<number> {
  await sleep(settling)
  if (driver !== 'ejabberd') await collectGarbage(pid)
  return memoryOf(pid)
}

/** Kilobytes each connection adds to the server that had everybody's data made. */
async function kilobytesEach(server: ServerName, users: number, database: Database): Promise<number> {
  const running = await servers[server]({ database, shape: 'pairs', users })
  try {
    const before = await memoryAtRest(running)
    const generators = await startGenerators(running, database.pid, 1)
    const after = await memoryAtRest(running)
    generators.stop()
    console.log(`${server}: ${before.toFixed(0)} MB, with ${users} sockets ${after.toFixed(0)} MB`)
    return ((after - before) * 1024) / users
  } finally {
    await running.stop()
  }
}

/** What sockets cost that say nothing. */
export const idle: Workload = async ({ servers: names, runs, users }, database) => {
  const found = new Map<ServerName, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round < runs; round++) {
    for (const name of names) found.get(name)?.push(await kilobytesEach(name, users, database))
  }
  return {
    title: `Memory of idle sockets (${users} people, each in a conversation of two)`,
    columns: ['server', 'runs', 'KB each'],
    rows: names.map((name) => [name, String(runs), spreadText(found.get(name) ?? [])]),
    raw: [...found],
  }
}
