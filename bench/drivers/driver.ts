/** Somebody who sends and receives. */
export interface LoadUser {
  readonly index: number
  readonly name: string
  /** What the server takes as proof of who it is. */
  readonly token: string
  readonly port: number
  /** Ids of the conversations the user writes to, as the server has them. */
  readonly conversations: readonly string[]
}

/** One user's connection to a server under test. */
export interface Connection {
  /** Resolves at the acknowledgement: the message is committed. */
  send(conversation: string, text: string): Promise<unknown>
  /** Calls with every message that arrives, as it came; the text stands in it unchanged. */
  onMessage(listener: (raw: string) => void): void
  close(): void
}

export type Connect = (user: LoadUser) => Promise<Connection>
