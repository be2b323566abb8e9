import type { Connect } from './driver.ts'
import { connectEjabberd } from './ejabberd.ts'
import { connectNaive } from './naive.ts'
import { connectParley, connectParleyHttp } from './parley.ts'

/** Every protocol the load can speak. */
export const drivers = {
  parley: connectParley,
  'parley-http': connectParleyHttp,
  naive: connectNaive,
  ejabberd: connectEjabberd,
} as const satisfies Readonly<Record<string, Connect>>

export type DriverName = keyof typeof drivers
