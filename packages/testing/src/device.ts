import { createClient, memoryStorage, type ParleyClient } from '@parley/client'
import type { Audience, Message } from '@parley/protocol'
import { type Person, signToken, type Target } from './people.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'
import type { Intent } from './writer.ts'

/** What a {@link Device} shall send. */
export interface Wish {
  readonly conversationId: string
  readonly text: string
  readonly audience?: Audience
  readonly replyTo?: Message
}

/** Somebody's device: the real client, a storage that outlives it, and a network of its own with all its faults. */
export interface Device {
  readonly person: Person
  readonly network: TcpProxy
  /** The client that runs now. */
  readonly client: ParleyClient
  /** What was to be sent, in order. */
  readonly intents: readonly Intent[]
  send(wish: Wish): void
  /** Ends the client and starts another one on the same storage, as a reload of a page does. */
  reload(): Promise<void>
  close(): Promise<void>
}

/**
 * Makes a device; its client is started, and not waited for.
 * @param servers where the client's network leads: each connection to the next one
 */
export async function startDevice(servers: readonly [Target, ...Target[]], person: Person): Promise<Device> {
  const [server] = servers
  const network = await startTcpProxy(...servers.map(({ url }) => url))
  const storage = memoryStorage()
  const intents: Intent[] = []
  const start = () => {
    const client = createClient({ serverUrl: network.url, getToken: () => signToken(server, person), storage })
    void client.start()
    return client
  }
  let client = start()
  return {
    person,
    network,
    get client() {
      return client
    },
    intents,
    send: ({ conversationId, text, audience = 'everyone', replyTo }) => {
      const clientKey = client.messages.send(conversationId, { text, audience, ...(replyTo ? { replyTo } : {}) })
      intents.push({ conversationId, senderId: person.id, clientKey, text, audience })
    },
    reload: async () => {
      await client.close()
      client = start()
    },
    close: async () => {
      await client.close()
      await network.close()
    },
  }
}
