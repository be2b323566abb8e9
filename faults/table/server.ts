import { setTimeout as sleep } from 'node:timers/promises'
import type { Program } from '../../packages/testing/src/program.ts'
import type { Seeded } from '../../packages/testing/src/seeded.ts'
import type { Fault, Trial } from '../fault.ts'

const readyWithin = 5_000
/** From hanging for good until another process has taken the place, and all is level. */
const hungWithin = 20_000
const rounds = 20
const processes = 2

/** Kills the server wherever it is in its work, and starts it again, over and over. */
async function killAgain({ stage, short, seeded, wait, recovered, workload }: Trial): Promise<void> {
  const [server] = stage.nodes
  if (!server) return
  for (let round = 0; round < (short ? 3 : rounds); round += 1) {
    await wait(0.3 + seeded.below(900) / 1_000)
    await server.end('SIGKILL')
    recovered(await server.start(), readyWithin)
  }
  await workload.recovered()
}

function oneOf(workers: readonly number[], seeded: Seeded): number {
  const worker = workers[seeded.below(workers.length)]
  if (worker === undefined) throw new Error('No process serves')
  return worker
}

/** One process of a server after the other is killed; the others go on, and it is replaced. */
async function killProcesses({ stage, short, seeded, wait, recovered, workload }: Trial): Promise<void> {
  const [server] = stage.nodes
  if (!server) return
  for (let round = 0; round < (short ? 3 : rounds); round += 1) {
    await wait(0.3 + seeded.below(900) / 1_000)
    const victim = oneOf(server.workers(), seeded)
    const begun = performance.now()
    process.kill(victim, 'SIGKILL')
    await replaced(server, victim, readyWithin)
    recovered(await workload.recovered(begun), readyWithin)
  }
}

/** Waits until another process has taken the place of one, or for so long, milliseconds. */
async function replaced(server: Program, victim: number, limit: number): Promise<void> {
  const begun = performance.now()
  const stands = () => !server.workers().includes(victim) && server.workers().length === processes
  while (!stands() && performance.now() - begun < limit) await sleep(50)
}

/** One process of a server hangs for a moment, and goes on knowing nothing of it; then for good. */
async function hangProcess({ stage, seeded, wait, recovered, workload }: Trial): Promise<void> {
  const [server] = stage.nodes
  if (!server) return
  const victim = oneOf(server.workers(), seeded)
  await wait(1)
  process.kill(victim, 'SIGSTOP')
  await wait(3).finally(() => process.kill(victim, 'SIGCONT'))
  recovered(await workload.recovered(), readyWithin)
  const begun = performance.now()
  process.kill(victim, 'SIGSTOP')
  await replaced(server, victim, hungWithin)
  recovered(await workload.recovered(begun), hungWithin)
}

const several = {
  recoversWithin: readyWithin,
  needs: { nodes: 1, processes },
} as const

const kill = { promise: 'G1 to G6; ready again within 5 s', recoversWithin: readyWithin, strike: killAgain }

/** One node after the other is told to stop, and started again. */
async function roll({ stage, short, wait, recovered, expect, workload }: Trial): Promise<void> {
  for (let round = 0; round < (short ? 1 : 3); round += 1) {
    for (const node of stage.nodes) {
      await wait(1)
      const begun = performance.now()
      const exit = await node.end('SIGTERM')
      expect(exit.code === 0, `a stop ended with ${exit.code ?? exit.signal}`)
      expect(performance.now() - begun < 10_000, 'a stop took longer than 10 s')
      await node.start()
      recovered(await workload.recovered(), readyWithin)
    }
  }
  const seen = new Set(workload.writers.flatMap(({ refusals }) => [...refusals.keys()]))
  expect(
    [...seen].every((status) => status === 503),
    `answers of a server that stops: ${[...seen]}`,
  )
}

export const serverFaults: readonly Fault[] = [
  {
    name: 'kill',
    title: `kill -9 of the server mid-send, ${rounds} times, external database`,
    needs: { nodes: 1 },
    ...kill,
  },
  {
    name: 'kill-embedded',
    title: `kill -9 of the server mid-send, ${rounds} times, embedded database`,
    needs: { nodes: 1, embedded: true },
    ...kill,
  },
  {
    name: 'process-killed',
    title: `kill -9 of one of a server's ${processes} processes, ${rounds} times`,
    promise: 'G1 to G6; replaced, and all level again, within 5 s',
    ...several,
    strike: killProcesses,
  },
  {
    name: 'process-hung',
    title: `one of a server's ${processes} processes stopped by SIGSTOP for 3 s, then for good`,
    promise: 'G1 to G6; level again within 5 s after going on, ended and replaced within 20 s',
    ...several,
    strike: hangProcess,
  },
  {
    name: 'rolling',
    title: 'SIGTERM under load, rolling restart of two nodes',
    promise: 'nothing beyond 503 and resumable closes; exit 0',
    needs: { nodes: 2, redis: true },
    recoversWithin: readyWithin,
    strike: roll,
  },
]
