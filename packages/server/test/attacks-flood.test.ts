import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createProgram,
  createTestDatabase,
  openRawAs,
  openRawSocket,
  type Program,
  people,
  type TestDatabase,
  urlOf,
} from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tell } from './attacks-wire.ts'

let database: TestDatabase
let program: Program

beforeAll(async () => {
  database = await createTestDatabase()
  program = await createProgram({ DATABASE_URL: urlOf(database.connection) })
  await program.start()
})

afterAll(async () => {
  await program.remove()
  await database.drop()
})

/** Frames of a client, masked with nothing, again and again. */
function frames(opcode: number, payload: string, times: number): Buffer {
  const one = Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), Buffer.from(payload)])
  return Buffer.concat(Array.from({ length: times }, () => one))
}

const upgradeTo = (path: string, protocol: string): string => {
  const key = 'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='
  return `GET ${path} HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: ${protocol}\r\n${key}\r\n\r\n`
}

/** Writes something on many connections, and resets each of them within a few milliseconds. */
async function resetMany(text: string): Promise<void> {
  const { hostname, port } = new URL(program.url)
  const reset = async (after: number) => {
    const connection = connect(Number(port), hostname)
    connection.on('error', () => {})
    connection.write(text)
    await sleep(after)
    connection.resetAndDestroy()
  }
  await Promise.all(Array.from({ length: 300 }, (_, index) => reset(index % 12)))
}

test.each([
  ['a WebSocket, of which most are refused', '/socket.io/?EIO=4&transport=websocket', 'websocket'],
  ['a WebSocket elsewhere', '/healthz', 'websocket'],
  ['another protocol', '/healthz', 'h2c'],
])('SEC-157 connections that are reset while they ask for %s end nothing but themselves', async (_, path, protocol) => {
  const { alice } = await people(program)
  const socket = await alice.online()
  await resetMany(upgradeTo(path, protocol))
  await sleep(300)
  expect((await fetch(`${program.url}/healthz`)).status).toBe(200)
  expect(socket.connected).toBe(true)
  socket.close()
})

test('SEC-157 who offers another protocol with a request is answered in this one', async () => {
  const { statuses } = await tell(program.url, upgradeTo('/healthz', 'h2c'))
  expect(statuses).toEqual([200])
})

test('SEC-80 a stranger who asks for one namespace after the other is cut off', async () => {
  const socket = await openRawSocket(program.url)
  socket.write(frames(1, '40/x,', 10))
  await socket.gone()
})

test('SEC-80 so is who has signed in', async () => {
  const { alice } = await people(program)
  const socket = await openRawAs(program.url, alice.token)
  socket.write(frames(1, '40/x,', 10))
  await socket.gone()
})

test('SEC-80 who sends pings and does not read the answers is cut off', async () => {
  const socket = await openRawSocket(program.url)
  socket.stopReading()
  const pings = frames(9, 'x'.repeat(125), 10_000)
  for (let count = 0; count < 100 && !socket.ended; count += 1) {
    socket.write(pings)
    await fetch(`${program.url}/healthz`)
  }
  await socket.gone()
})

test('SEC-80 who reads is answered his pings', async () => {
  const socket = await openRawSocket(program.url)
  for (let count = 0; count < 100; count += 1) {
    socket.write(frames(9, 'x', 10))
    await fetch(`${program.url}/healthz`)
  }
  expect(socket.ended).toBe(false)
  socket.destroy()
})

test('SEC-66 who leaves the namespace leaves the server', async () => {
  const { alice } = await people(program)
  const socket = await openRawAs(program.url, alice.token)
  socket.send({ payload: '41' })
  await socket.gone()
})
