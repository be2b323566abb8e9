import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus as cores } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { microseconds } from '../load/stamp.ts'

/** Cores for server and database, and one core for each process that makes load. */
export const serverCores = process.env.BENCH_SERVER_CORES ?? '0,1'
export const loadCores = (process.env.BENCH_LOAD_CORES ?? '2,3').split(',')

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

interface ProcessState {
  readonly parent: number
  /** Of the processor, its own and of children that have ended: a connection that is closed takes nothing away. */
  readonly seconds: number
}

function stateOf(pid: number): ProcessState | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return { parent: Number(fields[1]), seconds: ticks / ticksPerSecond }
  } catch {
    return null
  }
}

/** A process and everything it started. */
function treeOf(root: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    const state = stateOf(Number(name))
    if (state) children.set(state.parent, [...(children.get(state.parent) ?? []), Number(name)])
  }
  const found = [root]
  for (const pid of found) found.push(...(children.get(pid) ?? []))
  return found
}

/** Pins running processes, all their threads and what they will start. */
export function pinTree(root: number, cores: string): void {
  for (const pid of treeOf(root)) execFileSync('taskset', ['-a', '-cp', cores, String(pid)], { stdio: 'ignore' })
}

function cpuSecondsOf(root: number): number {
  return treeOf(root).reduce((sum, pid) => sum + (stateOf(pid)?.seconds ?? 0), 0)
}

interface Cores {
  /** Seconds they were busy, all of them together, since the machine started. */
  readonly busy: number
  /** Seconds they had something to do and the host of a virtual machine let them wait. */
  readonly stolen: number
}

function coresState(): Cores {
  const fields = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').trim().split(/\s+/).slice(1).map(Number)
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0, stolen = 0] = fields
  return { busy: (user + nice + system + interrupts + soft) / ticksPerSecond, stolen: stolen / ticksPerSecond }
}

interface Memory {
  /** Its own, and its part of what it shares with its kind. */
  readonly own: number
  /** Of files, which are mostly the program: as many others as run it too share these. */
  readonly files: number
}

/** Memory of a process in kB. */
function memoryOfOne(pid: number): Memory {
  try {
    const parts = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const read = (text: string, name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)
    return { own: read(parts, 'Pss_Anon') + read(parts, 'Pss_Shmem'), files: read(status, 'RssFile') }
  } catch {
    return { own: 0, files: 0 }
  }
}

/** Memory of a process and what it started, in MB, as if nobody else ran its program; what they share counts once. */
export function memoryOf(root: number): number {
  const all = treeOf(root).map(memoryOfOne)
  return (all.reduce((sum, { own }) => sum + own, 0) + Math.max(...all.map(({ files }) => files))) / 1024
}

/** Processor time in percent of one core, memory in MB. */
export interface Usage {
  readonly server: number
  readonly database: number
  readonly memory: number
  /** What processes that are not ours used meanwhile. */
  readonly foreign: number
  /** What the host of a virtual machine gave to others while there was something to do. */
  readonly stolen: number
}

/** Starts measuring; the returned function ends it. */
export function watchUsage(pids: { server: number; database: number; load: readonly number[] }): () => Usage {
  const all = () => ({
    at: microseconds(),
    ...coresState(),
    server: cpuSecondsOf(pids.server),
    database: cpuSecondsOf(pids.database),
    load: [...pids.load, process.pid].reduce((sum, pid) => sum + (stateOf(pid)?.seconds ?? 0), 0),
  })
  const before = all()
  return () => {
    const after = all()
    const percent = (seconds: number) => Math.max(0, Math.round((seconds * 1e8) / (after.at - before.at)))
    const server = after.server - before.server
    const database = after.database - before.database
    const foreign = after.busy - before.busy - server - database - (after.load - before.load)
    const memory = memoryOf(pids.server)
    const stolen = after.stolen - before.stolen
    return {
      server: percent(server),
      database: percent(database),
      memory,
      foreign: percent(foreign),
      stolen: percent(stolen),
    }
  }
}

/** Waits until others leave the machine alone for a moment; not forever. */
export async function awaitQuiet(limit = 10_000): Promise<void> {
  const deadline = performance.now() + limit
  while (performance.now() < deadline) {
    const { busy } = coresState()
    await sleep(500)
    if (coresState().busy - busy < 0.15) return
  }
}

/** Waits until the disk has everything that was written so far: what one server leaves behind must not slow the next. */
export function settleDisk(): void {
  execFileSync('sync')
}

/** The machine in one line. */
export function machineLine(): string {
  const [first] = cores()
  return `${first?.model.trim() ?? 'unknown processor'}, ${cores().length} cores, Node ${process.versions.node}`
}
