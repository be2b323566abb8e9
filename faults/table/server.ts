import type { Fault, Trial } from '../fault.ts'

const readyWithin = 5_000
const rounds = 20

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
    name: 'rolling',
    title: 'SIGTERM under load, rolling restart of two nodes',
    promise: 'nothing beyond 503 and resumable closes; exit 0',
    needs: { nodes: 2, redis: true },
    recoversWithin: readyWithin,
    strike: roll,
  },
]
