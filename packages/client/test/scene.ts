import { type People, people, startTcpProxy, startTestServer, type TcpProxy, type TestServer } from '@parley/testing'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type { ClientOptions, ParleyClient } from '../src/api.ts'
import { createClient } from '../src/client.ts'

/** The server of a test file, the way to it that can be cut, and its people. Importing this module sets the scene. */
export let server: TestServer
export let network: TcpProxy
export let who: People

const open: ParleyClient[] = []

beforeAll(async () => {
  server = await startTestServer()
  who = await people(server)
})

beforeEach(async () => {
  network = await startTcpProxy(server.url)
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()))
  await network.close()
})

afterAll(() => server.close())

/** A client that is closed with its test. */
export function clientWith(options: ClientOptions): ParleyClient {
  const client = createClient(options)
  open.push(client)
  return client
}

/** Waits for something to be so. */
export async function until(check: () => unknown, what: string): Promise<void> {
  await expect.poll(check, { interval: 10, timeout: 15_000, message: what }).toBeTruthy()
}

export function isOnline({ store }: ParleyClient): boolean {
  return store.getState().connection.status === 'online'
}

/** Cuts a client off that goes over the network. */
export async function goOffline(client: ParleyClient): Promise<void> {
  network.hold('up', 'down')
  network.cut()
  await until(() => !isOnline(client), 'cut off')
}
