import type { LoadUser } from '../drivers/driver.ts'
import type { DriverName } from '../drivers/drivers.ts'
import type { HistogramCounts } from './histogram.ts'

/** Times in microseconds of the monotonic clock, rate in messages a second. */
export interface LoadOrder {
  readonly type: 'load'
  readonly start: number
  readonly warmUp: number
  readonly duration: number
  readonly rate: number
}

/** What a load process is told. */
export type Order =
  | { readonly type: 'connect'; readonly driver: DriverName; readonly users: readonly LoadUser[] }
  | LoadOrder
  | { readonly type: 'report' }

/** How far a load process is. */
export interface Answer {
  readonly outstanding: number
  readonly sent: number
  readonly acks: number
  readonly failures: number
  readonly deliveries: number
  readonly disordered: number
  readonly acknowledged: HistogramCounts
  readonly delivered: HistogramCounts
  readonly late: HistogramCounts
}
