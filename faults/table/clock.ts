import { existsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fault, Trial } from '../fault.ts'

const library = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path))

function clockFile(node: number): string {
  return join(tmpdir(), `parley-clock-${process.pid}-${node}`)
}

/** Turns the wall clock of a node; its timers go on as they were. */
function turn(node: number, offset: string): void {
  writeFileSync(clockFile(node), offset)
}

function environment(node: number): NodeJS.ProcessEnv {
  turn(node, '+0')
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: clockFile(node),
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
}

/** What the clocks of the two nodes show, against the true time. */
const turns = [
  ['+3600', '+3600'],
  ['-3600', '-3600'],
  ['+10y', '+10y'],
  ['-300', '+0'],
  ['+10y', '-3600'],
  ['+0', '+0'],
] as const

async function turnClocks({ wait, short, workload, stage, expect, note }: Trial): Promise<void> {
  const [first] = stage.nodes
  const shown: string[] = []
  for (const offsets of turns) {
    for (const [node, offset] of offsets.entries()) turn(node, offset)
    await wait(short ? 2 : 8)
    shown.push((await fetch(`${first?.url}/healthz`)).headers.get('date')?.slice(5, 22) ?? '')
  }
  expect(new Set(shown.map((date) => date.slice(7, 11))).size > 1, `the clock was not turned: ${shown}`)
  note(`the first node showed ${shown.join(', ')}`)
  const refused = workload.writers.flatMap(({ refusals }) => [...refusals.keys()])
  expect(refused.length === 0, `refused for the time: ${[...new Set(refused)]}`)
}

export const clockFaults: readonly Fault[] = [
  {
    name: 'clocks',
    title: 'clocks turned by +1 h, -1 h, +10 years, nodes apart',
    promise: 'order and unread untouched',
    needs: { nodes: 2, redis: true, env: environment },
    hindrance: () => (library === undefined ? 'libfaketime is not installed' : undefined),
    recoversWithin: 5_000,
    strike: turnClocks,
  },
]
