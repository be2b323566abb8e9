import { startNaive } from './naive.ts'
import { startParley, startParleyHttp } from './parley.ts'
import type { StartServer } from './server.ts'

/** Every server that can be measured. */
export const servers = {
  parley: startParley,
  'parley-http': startParleyHttp,
  naive: startNaive,
} as const satisfies Readonly<Record<string, StartServer>>

export type ServerName = keyof typeof servers
