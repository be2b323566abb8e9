import type { Packet } from '../bus-linked.ts'
import type { Config } from '../config.ts'
import type { Reachable } from './database.ts'

/** What a worker is told. */
export type ToWorker =
  | { readonly kind: 'start'; readonly config: Config; readonly connection: Reachable['connection'] }
  | { readonly kind: 'packet'; readonly packet: Packet }
  | { readonly kind: 'stop' }

/** What a worker says. */
export type FromWorker =
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'packet'; readonly packet: Packet }
