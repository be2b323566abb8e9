import { depth } from './depth.ts'
import { endurance } from './endurance.ts'
import { idle } from './idle.ts'
import { load } from './load.ts'
import { neighbour } from './neighbour.ts'
import { screen } from './screen.ts'
import type { Workload } from './workload.ts'

/** Everything that can be measured, in the order of the report. */
export const workloads = {
  pairs: load('pairs'),
  group: load('group'),
  idle,
  endurance,
  depth,
  screen,
  neighbour,
} as const satisfies Readonly<Record<string, Workload>>

export type WorkloadName = keyof typeof workloads
