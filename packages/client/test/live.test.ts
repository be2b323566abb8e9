import { type People, people, signToken, startTestServer, type TestServer } from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ParleyClient } from '../src/api.ts'
import { createClient } from '../src/client.ts'
import { selectRows } from '../src/rows.ts'

let server: TestServer
let who: People
const open: ParleyClient[] = []

beforeAll(async () => {
  server = await startTestServer()
  who = await people(server)
})

afterAll(async () => {
  await Promise.all(open.map((client) => client.close()))
  await server.close()
})

function clientOf(person: keyof People): ParleyClient {
  const client = createClient({ serverUrl: server.url, getToken: () => signToken(server, who[person]) })
  open.push(client)
  return client
}

async function until(check: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 250; i += 1) {
    if (check()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`never: ${what}`)
}

test('CL-1 two clients talk: shown at once, sent, delivered, read', async () => {
  const alice = clientOf('alice')
  const bob = clientOf('bob')
  await Promise.all([alice.start(), bob.start()])
  await until(() => alice.store.getState().connection.status === 'online', 'alice online')
  await until(() => bob.store.getState().connection.status === 'online', 'bob online')
  await bob.conversations.load({})
  const id = await alice.conversations.create({ kind: 'internal', participants: ['bob'], subject: 'Hello' })
  await alice.conversations.open(id)
  await until(() => bob.store.getState().conversations[id] !== undefined, 'bob has it')
  await bob.conversations.open(id)
  const key = alice.messages.send(id, { text: 'one' })
  expect(selectRows(alice.store.getState(), id).map((row) => row.key)).toEqual([key])
  alice.messages.send(id, { text: 'two' })
  await until(() => (bob.store.getState().timelines[id]?.items.length ?? 0) === 2, 'bob sees')
  await until(() => alice.store.getState().outbox[id] === undefined, 'sent')
  expect(selectRows(alice.store.getState(), id)[0]?.key).toBe(key)
  expect(bob.store.getState().conversations[id]?.unread).toBe(2)
  bob.reads.markRead(id, bob.store.getState().conversations[id]?.seq ?? 0)
  expect(bob.store.getState().conversations[id]?.unread).toBe(0)
  await until(() => selectRows(alice.store.getState(), id)[0]?.status === 'read', 'read')
})
