import { viewerHeader, viewerOf } from '@parley/protocol'
import {
  openSocket,
  type People,
  people,
  requestOf,
  sendRaw,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

let server: TestServer
let who: People

beforeAll(async () => {
  server = await startTestServer()
  who = await people(server)
})

afterAll(() => server.close())

const strangers = [
  ['another person', () => viewerOf(who.alice.workspace, 'bob', 'member')],
  ['the other side', () => viewerOf(who.alice.workspace, 'alice', 'external')],
  ['another workspace', () => viewerOf('elsewhere', 'alice', 'member')],
  ['nobody', () => ''],
  ['nonsense', () => '__proto__'],
] as const

test.each(strangers)('ID16 a request of alice that is made as %s does nothing', async (_, viewer) => {
  const { id } = (await startConversation(who.alice, [who.bob])).conversation
  const request = requestOf('sendMessage', { conversationId: id, clientKey: 'as-another', text: 'text' })
  const answer = await who.alice.send({ ...request, headers: { ...request.headers, [viewerHeader]: viewer() } })
  expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([401, 'viewer_changed'])
  const { items } = await who.alice.call('listMessages', { conversationId: id })
  expect(items.filter(({ kind }) => kind !== 'system')).toEqual([])
})

test.each(strangers)('ID16 a socket of alice that is opened as %s is refused', async (_, viewer) => {
  const opening = openSocket(server.url, { token: who.alice.token, viewer: viewer() })
  await expect(opening).rejects.toMatchObject({ code: 'viewer_changed' })
})

test('ID16 who asks as himself, or does not say, is served', async () => {
  const viewer = viewerOf(who.alice.workspace, 'alice', 'admin')
  for (const headers of [{}, { [viewerHeader]: viewer }]) {
    const request = requestOf('getMe', {})
    const answer = await who.alice.send({ ...request, headers: { ...request.headers, ...headers } })
    expect(answer.status).toBe(200)
  }
  const socket = await openSocket(server.url, { token: who.alice.token, viewer })
  socket.close()
})

test('ID16 who has no valid token hears nothing of whether he names the right person', async () => {
  const headers = { [viewerHeader]: viewerOf(who.alice.workspace, 'bob', 'member') }
  const answer = await sendRaw(server.url, { ...requestOf('getMe', {}), headers })
  expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([401, 'unauthenticated'])
})
