import type { Seeded } from '../packages/testing/src/seeded.ts'
import type { Stage, StageNeeds } from './stage/stage.ts'
import type { Workload } from './workload/workload.ts'

/** What a fault has at hand while it strikes. */
export interface Trial {
  readonly stage: Stage
  readonly workload: Workload
  readonly seeded: Seeded
  /** Whether everything is to be quick, as in tests. */
  readonly short: boolean
  /** Lets the workload go on for some time, seconds. */
  wait(seconds: number): Promise<void>
  /** Takes down how long a recovery took, and how long it may take, milliseconds. */
  recovered(took: number, limit: number): void
  /** A promise about time or number: says it when it was not kept. */
  expect(holds: boolean, sentence: string): void
  /** Something worth knowing, for the last column. */
  note(text: string): void
}

/** A row of the table: something that goes wrong, and is put right again. */
export interface Fault {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  readonly promise: string
  readonly needs: StageNeeds
  /** Why it cannot be tried on this machine, if so. */
  hindrance?(): string | undefined
  /** Milliseconds from the end of the fault until everybody is answered and level. */
  readonly recoversWithin: number
  /** Goes wrong, goes on, and is put right. */
  strike(trial: Trial): Promise<void>
}
