import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** One way through a connection: `up` to the server, `down` to the client. */
export type Way = 'up' | 'down'

/** A network between clients and a server, with the faults of one. */
export interface TcpProxy {
  /** Where clients find the server. */
  readonly url: string
  /** How many connections there are. */
  readonly connections: number
  /** Everything that reached clients, as text. */
  carried(): string
  /** Ends all connections for both sides at once. */
  cut(): void
  /** Lets nothing through any more, in these ways, until {@link flow}. */
  hold(...ways: readonly Way[]): void
  /** Ends all connections for one side only: the other one hears nothing of it, and nothing else, until {@link flow}. */
  abandon(side: 'client' | 'server'): void
  /** Every piece takes so much longer, milliseconds. */
  delay(milliseconds: number): void
  /** Lets everything through at once; connections with one end are reset. */
  flow(): void
  /** Ends everything. */
  close(): Promise<void>
}

interface Connection {
  readonly client: Socket
  readonly server: Socket
  halfOpen: boolean
}

class FaultyNetwork implements TcpProxy {
  readonly url: string
  readonly #listener: Server
  readonly #connections = new Set<Connection>()
  readonly #held = new Map<Way, PromiseWithResolvers<void>>()
  readonly #carried: Buffer[][] = []
  readonly #targets: readonly URL[]
  #joined = 0
  #delay = 0

  constructor(listener: Server, targets: readonly URL[]) {
    const address = listener.address()
    this.#listener = listener
    this.#targets = targets
    this.url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
    listener.on('connection', (client) => this.#join(client, this.#reach()))
  }

  get connections(): number {
    return this.#connections.size
  }

  carried(): string {
    return this.#carried.map((chunks) => Buffer.concat(chunks).toString()).join('\n')
  }

  cut(): void {
    for (const connection of this.#connections) this.#end(connection)
  }

  hold(...ways: readonly Way[]): void {
    for (const way of ways) if (!this.#held.has(way)) this.#held.set(way, Promise.withResolvers())
  }

  abandon(side: 'client' | 'server'): void {
    for (const connection of this.#connections) {
      connection.halfOpen = true
      connection[side].resetAndDestroy()
    }
  }

  delay(milliseconds: number): void {
    this.#delay = milliseconds
  }

  flow(): void {
    this.#delay = 0
    for (const connection of this.#connections) if (connection.halfOpen) this.#end(connection)
    for (const { resolve } of this.#held.values()) resolve()
    this.#held.clear()
  }

  async close(): Promise<void> {
    this.cut()
    this.flow()
    await new Promise((resolve) => this.#listener.close(resolve))
  }

  #reach(): Socket {
    const target = this.#targets[this.#joined++ % this.#targets.length]
    return connect(Number(target?.port), target?.hostname)
  }

  #join(client: Socket, server: Socket): void {
    const connection = { client, server, halfOpen: false }
    const received: Buffer[] = []
    this.#carried.push(received)
    this.#connections.add(connection)
    void this.#carry(connection, 'up', () => {})
    void this.#carry(connection, 'down', (chunk) => received.push(chunk))
  }

  #end(connection: Connection): void {
    this.#connections.delete(connection)
    connection.client.resetAndDestroy()
    connection.server.resetAndDestroy()
  }

  /** Carries one way until its source ends or breaks; then the connection ends, unless one side shall not notice. */
  async #carry(connection: Connection, way: Way, onCarried: (chunk: Buffer) => void): Promise<void> {
    const { client, server } = connection
    const [source, target] = way === 'up' ? [client, server] : [server, client]
    source.setNoDelay(true)
    target.on('error', () => {})
    try {
      for await (const chunk of source) {
        await this.#pass(way)
        if (target.destroyed) continue
        onCarried(chunk)
        target.write(chunk)
      }
    } catch {}
    if (connection.halfOpen) return
    this.#connections.delete(connection)
    target.end()
  }

  async #pass(way: Way): Promise<void> {
    if (this.#delay > 0) await sleep(this.#delay)
    await this.#held.get(way)?.promise
  }
}

/**
 * Puts a network between clients and a server.
 * @param targetUrls the server, on this machine; of several, each connection leads to the next one, whether or not that is well
 */
export async function startTcpProxy(...targetUrls: readonly string[]): Promise<TcpProxy> {
  const listener = createServer({ allowHalfOpen: false })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return new FaultyNetwork(
    listener,
    targetUrls.map((url) => new URL(url)),
  )
}
