import type { Fault } from './fault.ts'
import { clockFaults } from './table/clock.ts'
import { crowdFaults } from './table/crowd.ts'
import { databaseFaults } from './table/database.ts'
import { networkFaults } from './table/network.ts'
import { redisFaults } from './table/redis.ts'
import { requestFaults } from './table/requests.ts'
import { serverFaults } from './table/server.ts'
import { storageFaults } from './table/storage.ts'

/** Every fault that can be tried, in the order of the table. */
export const faults: readonly Fault[] = [
  ...serverFaults,
  ...databaseFaults,
  ...redisFaults,
  ...networkFaults,
  ...crowdFaults,
  ...clockFaults,
  ...requestFaults,
  ...storageFaults,
]
