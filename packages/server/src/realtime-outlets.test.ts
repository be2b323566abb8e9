import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { openRawSocket, type RawSocket } from '@parley/testing'
import { Server, type Socket } from 'socket.io'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { frameOf } from './realtime-frame.ts'
import { type Outlet, Outlets } from './realtime-outlets.ts'

const http = createServer()
const io = new Server(http, { perMessageDeflate: false })
let behind = 0
const outlets = new Outlets({
  delivered: () => {},
  behind: () => {
    behind += 1
  },
})
const frame = frameOf({ type: 'new-message', payload: { text: 'x'.repeat(12_000) } })
const bound = 256 * 1024

beforeAll(() => new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve)))

afterAll(async () => {
  outlets.close()
  await io.close()
})

/** Somebody who has connected and reads nothing any more. */
async function stalled(): Promise<{ socket: Socket; outlet: Outlet; client: RawSocket }> {
  const arrived = new Promise<Socket>((resolve) => io.once('connection', resolve))
  const client = await openRawSocket(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  client.send({ payload: '40' })
  const socket = await arrived
  await client.text((text) => text.startsWith('40'))
  client.stopReading()
  return { socket, outlet: outlets.open(socket), client }
}

async function push(outlet: Outlet, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    outlet.push(frame)
    await turn()
    await turn()
  }
}

/** Bytes that wait in this process for a socket, wherever. */
function waiting({ conn }: Socket): number {
  const { writeBuffer, transport } = conn as unknown as {
    readonly writeBuffer: readonly { readonly data?: string }[]
    readonly transport: { readonly socket: { readonly bufferedAmount: number } }
  }
  return transport.socket.bufferedAmount + writeBuffer.reduce((sum, { data }) => sum + (data?.length ?? 0), 0)
}

test('G8 a reader who stops while a ping or an answer waits for him costs no more than any other', async () => {
  const { socket, outlet, client } = await stalled()
  while (waiting(socket) === 0) await push(outlet, 10)
  for (let count = 0; count < 3; count += 1) socket.emit('answered', {})
  await push(outlet, 200)
  expect(waiting(socket)).toBeLessThan(bound + 2 * frame.bytes.length)
  expect(behind).toBe(1)
  client.destroy()
})

test('G8 frames go straight on behind a ping that is under way, and keep its order', async () => {
  const { socket, outlet, client } = await stalled()
  while (waiting(socket) === 0) await push(outlet, 10)
  socket.emit('first', {})
  const before = waiting(socket)
  await push(outlet, 1)
  expect(waiting(socket) - before).toBe(frame.bytes.length)
  client.readOn()
  await client.text((text) => text.includes('"first"'))
  await expect.poll(() => waiting(socket)).toBe(0)
  expect(client.texts.at(-1)).toContain('new-message')
  client.destroy()
})
