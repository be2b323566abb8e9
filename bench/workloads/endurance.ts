import { type Generators, startGenerators } from '../load/generators.ts'
import { medianOf } from '../load/spread.ts'
import type { Database } from '../machine/database.ts'
import { memoryOf } from '../machine/processes.ts'
import { type ServerName, servers } from '../servers/servers.ts'
import type { Workload } from './workload.ts'

const sampling = 2_000
/** Slices that do not count: heaps, caches and buffers fill. */
const warmUps = 5
/** Part of the slices at the beginning and at the end that are compared. */
const compared = 0.25

interface Slice {
  /** Median of the server's memory, MB. */
  readonly memory: number
  readonly deliverP99: number
  readonly lost: number
}

async function slice(generators: Generators, pid: number, rate: number, seconds: number): Promise<Slice> {
  const samples: number[] = []
  const timer = setInterval(() => samples.push(memoryOf(pid)), sampling)
  const { acknowledged, delivered, deliver } = await generators.measure(rate, seconds)
  clearInterval(timer)
  const lost = Math.round((2 - acknowledged - delivered) * rate * seconds)
  return { memory: medianOf(samples), deliverP99: deliver.p99, lost }
}

async function endure(
  server: ServerName,
  users: number,
  rate: number,
  { slices, seconds }: { readonly slices: number; readonly seconds: number },
  database: Database,
): Promise<Slice[]> {
  const running = await servers[server]({ database, shape: 'pairs', users })
  try {
    const generators = await startGenerators(running, database.pid, 1)
    const found: Slice[] = []
    for (let number = 1 - warmUps; number <= slices; number++) {
      const one = await slice(generators, running.pid, rate, seconds)
      if (number > 0) found.push(one)
      console.log(
        `${server} ${number > 0 ? `${number}/${slices}` : 'warms up'}: ${one.memory.toFixed(1)} MB, deliver p99 ${one.deliverP99.toFixed(1)} ms, lost ${one.lost}`,
      )
    }
    generators.stop()
    return found
  } finally {
    await running.stop()
  }
}

function rowOf(server: ServerName, found: readonly Slice[]): string[] {
  const count = Math.max(1, Math.trunc(found.length * compared))
  const memory = (slices: readonly Slice[]) => medianOf(slices.map((one) => one.memory))
  const [first, last] = [memory(found.slice(0, count)), memory(found.slice(-count))]
  const most = Math.max(...found.map((one) => one.memory))
  const growth = `${((last / first - 1) * 100).toFixed(1)} %`
  const p99 = medianOf(found.map((one) => one.deliverP99)).toFixed(1)
  const lost = found.reduce((sum, one) => sum + one.lost, 0)
  return [server, first.toFixed(1), last.toFixed(1), growth, most.toFixed(1), p99, String(lost)]
}

/** A steady load for a long time, after some that warms up: what it does to the memory of a server that everybody is connected to. */
export const endurance: Workload = async ({ servers: names, runs, seconds, users, rate }, database) => {
  if (rate === null) throw new Error('Endurance needs a rate')
  const rows: string[][] = []
  const raw: (readonly [ServerName, readonly Slice[]])[] = []
  for (const name of names) {
    const found = await endure(name, users, rate, { slices: runs, seconds }, database)
    raw.push([name, found])
    rows.push(rowOf(name, found))
  }
  const minutes = Math.round((runs * seconds) / 60)
  return {
    title: `${minutes} minutes with ${users.toLocaleString('en')} people connected and ${rate} messages a second`,
    columns: ['server', 'first quarter MB', 'last quarter MB', 'growth', 'most MB', 'deliver p99 ms', 'lost'],
    rows,
    raw,
  }
}
