import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** One end of a connection, with what came and whether it is over. */
interface End {
  readonly socket: Socket
  heard: string
  over: boolean
}

let listener: Server
let proxy: TcpProxy
let atServer: End[]

function endOf(socket: Socket): End {
  const end: End = { socket, heard: '', over: false }
  socket.on('data', (chunk) => {
    end.heard += chunk.toString()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    end.over = true
  })
  return end
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await sleep(5)
}

/** Opens a connection through the proxy. */
async function open(): Promise<{ client: End; server: End }> {
  const count = atServer.length
  const client = endOf(connect(Number(new URL(proxy.url).port), '127.0.0.1'))
  await until(() => atServer[count] !== undefined)
  return { client, server: atServer[count] ?? client }
}

function urlOf(server: Server): string {
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

beforeEach(async () => {
  atServer = []
  listener = createServer((socket) => void atServer.push(endOf(socket)))
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  proxy = await startTcpProxy(urlOf(listener))
})

afterEach(async () => {
  await proxy.close()
  await new Promise((resolve) => listener.close(resolve))
})

test('what is sent arrives, both ways, and what reached the client is kept', async () => {
  const { client, server } = await open()
  client.socket.write('up')
  server.socket.write('down')
  await until(() => server.heard === 'up' && client.heard === 'down')
  expect(proxy.carried()).toBe('down')
  server.socket.end()
  await until(() => client.over)
})

test('what is held in one way goes the other, and arrives when all flows again', async () => {
  const { client, server } = await open()
  proxy.hold('down')
  client.socket.write('up')
  server.socket.write('down')
  await until(() => server.heard === 'up')
  await sleep(50)
  expect([client.heard, proxy.carried()]).toEqual(['', ''])
  proxy.flow()
  await until(() => client.heard === 'down')
})

test('a cut ends both sides, and what was held is lost', async () => {
  const { client, server } = await open()
  proxy.hold('down')
  server.socket.write('down')
  await sleep(20)
  proxy.cut()
  await until(() => client.over && server.over)
  proxy.flow()
  await sleep(20)
  expect([client.heard, proxy.carried(), proxy.connections]).toEqual(['', '', 0])
})

test.each(['client', 'server'] as const)(
  'abandoned by the %s, the other side notices nothing until all flows',
  async (side) => {
    const ends = await open()
    const other = side === 'client' ? 'server' : 'client'
    proxy.abandon(side)
    await until(() => ends[side].over)
    ends[other].socket.write('into the void')
    await sleep(50)
    expect(ends[other].over).toBe(false)
    proxy.flow()
    await until(() => ends[other].over)
  },
)

test('what is delayed comes later, in order', async () => {
  const { client, server } = await open()
  proxy.delay(60)
  const begun = performance.now()
  server.socket.write('one ')
  server.socket.write('two')
  await until(() => client.heard === 'one two')
  expect(performance.now() - begun).toBeGreaterThan(55)
})

test('of several servers, each connection leads to the next one, whether or not it is well', async () => {
  const first = await open()
  await proxy.close()
  proxy = await startTcpProxy(urlOf(listener), 'http://127.0.0.1:1')
  const second = await open()
  const refused = endOf(connect(Number(new URL(proxy.url).port), '127.0.0.1'))
  await until(() => refused.over)
  const third = await open()
  expect([first, second, third].map(({ client }) => client.over)).toEqual([true, false, false])
})
