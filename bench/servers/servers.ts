import { startEjabberd } from './ejabberd.ts'
import { startNaive } from './naive.ts'
import { startParley, startParleyEmbedded, startParleyHttp, startParleyTwice } from './parley.ts'
import type { StartServer } from './server.ts'

/** Every server that can be measured. */
export const servers = {
  parley: startParley,
  'parley-http': startParleyHttp,
  'parley-two': startParleyTwice,
  'parley-embedded': startParleyEmbedded,
  naive: startNaive,
  ejabberd: startEjabberd,
} as const satisfies Readonly<Record<string, StartServer>>

export type ServerName = keyof typeof servers
