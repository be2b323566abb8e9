import { person, startConversation, startTestServer, type TestServer } from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readPairs } from './companion.service.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(() => server.close())

test('SEC-53 an outsider shares no internal conversation with people at other nodes, but may share another one', async () => {
  const alice = await person(server, { id: 'alice', role: 'member', workspace: 'w1' })
  const bob = await person(server, { id: 'bob', role: 'member', workspace: 'w1' })
  const yan = await person(server, { id: 'yan', role: 'member', workspace: 'w1' })
  const ids: string[] = []
  for (const kind of ['internal', 'external', 'internal'] as const) {
    ids.push((await startConversation(alice, kind === 'external' ? [yan] : [yan, bob], { kind })).conversation.id)
  }
  const pairs = () => readPairs(server.running.services, 'w1', ['yan'], ['alice', 'bob'])
  expect((await pairs()).map(({ user_id }) => user_id)).toEqual(['alice', 'bob'])
  await server.database.query(`update users set role = 'external' where id = 'yan'`)
  expect(await pairs()).toEqual([{ reader_id: 'yan', user_id: 'alice', conversation_id: ids[1] }])
})
