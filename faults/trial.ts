import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../packages/testing/src/seeded.ts'
import type { Fault, Trial } from './fault.ts'
import { type Stage, setStage } from './stage/stage.ts'
import { type Judgement, judgeWorkload, type Removal } from './verdict/judgement.ts'
import { Workload } from './workload/workload.ts'

/** How a trial may run. */
export interface TrialOptions {
  readonly seed: number
  readonly short: boolean
}

/** What a fault did. */
export interface Outcome extends Judgement {
  readonly fault: Fault
  /** Seconds. */
  readonly worstRecovery: number
  readonly notes: readonly string[]
  /** Every promise that was not kept, in a sentence. */
  readonly broken: readonly string[]
}

const warmUp = 1_500
const removeAfter = 700

class Record {
  worst = 0
  readonly notes: string[] = []
  readonly broken: string[] = []

  recovered(took: number, limit: number): void {
    this.worst = Math.max(this.worst, took)
    if (took > limit) this.broken.push(`recovered after ${Math.round(took)} ms instead of ${limit}`)
  }
}

function trialOf(stage: Stage, workload: Workload, { seed, short }: TrialOptions, record: Record): Trial {
  return {
    stage,
    workload,
    short,
    seeded: seeded(seed),
    wait: (seconds) => sleep(seconds * 1_000),
    recovered: (took, limit) => record.recovered(took, limit),
    expect: (holds, sentence) => void (holds || record.broken.push(sentence)),
    note: (text) => void record.notes.push(text),
  }
}

async function run(fault: Fault, stage: Stage, workload: Workload, options: TrialOptions): Promise<Outcome> {
  const record = new Record()
  await sleep(warmUp)
  const removing: Promise<Removal> = sleep(removeAfter).then(() => workload.removeVictim())
  removing.catch(() => undefined)
  await fault.strike(trialOf(stage, workload, options, record))
  record.recovered(await workload.recovered(), fault.recoversWithin)
  const removal = await removing
  await workload.settle()
  const owner = await stage.owner()
  const judgement = await judgeWorkload(owner.query, workload, removal)
  await owner.end()
  const { worst, notes, broken } = record
  return { ...judgement, fault, worstRecovery: worst / 1_000, notes, broken: [...judgement.sentences, ...broken] }
}

function failure(fault: Fault, error: unknown, found: readonly string[] = []): Outcome {
  const counts = { operations: 0, acknowledged: 0, lost: 0, doubled: 0, disordered: 0, leaked: 0, sentences: [] }
  return { ...counts, fault, worstRecovery: 0, notes: [], broken: [`could not be judged: ${error}`, ...found] }
}

/** Sets the stage, keeps the workload going through a fault, and judges what became of it. */
export async function tryFault(fault: Fault, options: TrialOptions): Promise<Outcome> {
  const stage = await setStage(fault.needs)
  try {
    const workload = await Workload.start(stage, options.seed)
    try {
      return await run(fault, stage, workload, options)
    } catch (error) {
      return failure(
        fault,
        error,
        workload.writers.flatMap(({ faults }) => faults),
      )
    } finally {
      await workload.stop()
    }
  } catch (error) {
    return failure(fault, error)
  } finally {
    await stage.close()
  }
}
