import type { Packet } from '../bus-linked.ts'
import type { Config } from '../config.ts'
import type { Errand, Reply } from '../siblings.ts'
import type { Reachable } from './database.ts'

/** An errand for another worker, and its number there where it comes from. */
export interface Ask {
  readonly number: number
  readonly errand: Errand
}

/** What came of the errand of a number. */
export interface Told {
  readonly number: number
  readonly reply: Reply
}

/** What a worker is told. */
export type ToWorker =
  | { readonly kind: 'start'; readonly config: Config; readonly connection: Reachable['connection'] }
  | { readonly kind: 'packet'; readonly packet: Packet }
  /** Who serves, in an order that is the same for all. */
  | { readonly kind: 'serving'; readonly workers: readonly number[] }
  | { readonly kind: 'asks'; readonly from: number; readonly asks: readonly Ask[] }
  | { readonly kind: 'replies'; readonly from: number; readonly replies: readonly Told[] }
  /** To be answered at once. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'stop' }

/** What a worker says. */
export type FromWorker =
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'pong' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'packet'; readonly packet: Packet }
  | { readonly kind: 'asks'; readonly to: number; readonly asks: readonly Ask[] }
  | { readonly kind: 'replies'; readonly to: number; readonly replies: readonly Told[] }
