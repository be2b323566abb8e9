import type { ErrorBody, Message, ParsedInput } from '@parley/protocol'
import type { Actor } from './actor.ts'
import type { Packet } from './bus-linked.ts'

/** A send, and in whose name. */
export interface Errand {
  readonly actor: Actor
  readonly input: ParsedInput<'sendMessage'>
}

/** What came of an errand. */
export type Reply = { readonly message: Message } | ErrorBody

/** The other processes of this machine, reached through the one that started them all. */
export interface Siblings {
  send(packet: Packet): void
  onPacket(listener: (packet: Packet) => void): void
  /**
   * Has something sent by the process that writes into a conversation: groups of one process do not wait for each other's locks.
   * @returns nothing where this process is the one; a promise of nothing when the other one has ended, or hangs. What became of the errand is
   *   not known then, and it is to be sent from here under the same client key
   */
  ask(errand: Errand): Promise<Reply | undefined> | undefined
  /** Takes what others ask for. */
  onAsk(listener: (errand: Errand) => Promise<Reply>): void
}
