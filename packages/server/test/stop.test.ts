import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ErrorBody, Message } from '@parley/protocol'
import { newKey, openRawAs, people, startConversation, startTestServer, type TestServer } from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(() => server.close())

test('RUN-2 a stop answers every command of a socket that is under way', async () => {
  const { alice, bob } = await people(server)
  const { id } = (await startConversation(alice, [bob])).conversation
  const socket = await alice.online()
  const sends = Array.from({ length: 100 }, (_, index) => {
    const input = { conversationId: id, clientKey: newKey(), text: `${index}` }
    return socket.commandRaw('send-message', input) as Promise<{ ok: { message: Message } } | ErrorBody>
  })
  await Promise.race(sends)
  await server.restart()
  const answers = await Promise.all(sends)
  const stored = answers.flatMap((answer) => ('ok' in answer ? [answer.ok.message.text] : []))
  const refused = answers.flatMap((answer) => ('ok' in answer ? [] : [answer.error.code]))
  expect(refused.filter((code) => code !== 'unavailable')).toEqual([])
  const { items } = await alice.call('listMessages', { conversationId: id, limit: 100 })
  const present = items.map(({ text }) => text)
  expect(stored.length).toBeGreaterThan(0)
  expect(present).toEqual(expect.arrayContaining(stored))
  socket.drop()
})

test('RUN-2 a stop closes many sockets one after the other', async () => {
  const { alice, bob, carol, dave, eve, root } = await people(server)
  const opening = [alice, bob, carol, dave, eve, root].flatMap((one) => Array.from({ length: 8 }, () => one.online()))
  const sockets = await Promise.all(opening)
  const firstClosed = Promise.race(sockets.map((socket) => socket.closed()))
  const restarting = server.restart()
  await firstClosed
  await sleep(10)
  expect(sockets.some(({ connected }) => connected)).toBe(true)
  await Promise.all(sockets.map((socket) => socket.closed()))
  await restarting
})

test('RUN-2 a stop does not wait for clients that answer no goodbye', async () => {
  const { alice } = await people(server)
  const silent = await openRawAs(server.url, alice.token)
  const begun = performance.now()
  await server.restart()
  expect(performance.now() - begun).toBeLessThan(8_000)
  silent.destroy()
})

test('RUN-2 what comes during a stop is refused with an error of the table, and when to try again', async () => {
  const { hostname, port } = new URL(server.url)
  const connection = connect(Number(port), hostname)
  let heard = ''
  connection.on('data', (chunk) => {
    heard += chunk.toString()
  })
  connection.write('GET /api/me HTTP/1.1\r\nhost: test\r\n')
  await once(connection, 'ready')
  await fetch(`${server.url}/healthz`)
  const restarting = server.restart()
  await sleep(50)
  connection.write('connection: close\r\n\r\n')
  await once(connection, 'close')
  await restarting
  expect(heard).toContain('HTTP/1.1 503 ')
  expect(heard.toLowerCase()).toContain('\r\nretry-after: 1\r\n')
  expect(heard).toContain('"code":"unavailable"')
})
