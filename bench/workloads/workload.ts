import type { Database } from '../machine/database.ts'
import type { ServerName } from '../servers/servers.ts'

/** What is asked for on the command line. */
export interface Plan {
  readonly servers: readonly ServerName[]
  readonly runs: number
  /** Length of one measurement. */
  readonly seconds: number
  readonly users: number
  /** Messages a second, or null to look for the highest. */
  readonly rate: number | null
  /** Where the look for the highest begins. */
  readonly from: number
}

/** A table of what was measured. */
export interface Outcome {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Every number, for later. */
  readonly raw: unknown
}

/** Runs a workload over a PostgreSQL of its own. */
export type Workload = (plan: Plan, database: Database) => Promise<Outcome>
