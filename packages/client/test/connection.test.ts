import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { ParleyError } from '@parley/protocol'
import { expect, test } from 'vitest'
import { Connection, type Link } from '../src/connection.ts'
import { Liveness } from '../src/liveness.ts'
import type { Signals } from '../src/signals.ts'
import { openSocket } from '../src/socket.ts'
import type { Connection as ConnectionState } from '../src/state.ts'
import { FakeClock, settle } from './fake-clock.ts'

const hour = 3_600_000

/** Surroundings that a test plays. */
function surroundings() {
  const listeners = { wake: new Set<() => void>(), offline: new Set<() => void>() }
  let online = true
  const on = (set: Set<() => void>) => (run: () => void) => {
    set.add(run)
    return () => void set.delete(run)
  }
  const signals: Signals = {
    isOnline: () => online,
    onWake: on(listeners.wake),
    onOffline: on(listeners.offline),
    onHide: () => () => {},
  }
  const tell = (name: 'wake' | 'offline') => {
    online = name === 'wake'
    for (const run of listeners[name]) run()
  }
  return { signals, tell, listeners }
}

/** A connection whose dials end as a test says. */
function connect() {
  const clock = new FakeClock()
  const { signals, tell, listeners } = surroundings()
  const states: ConnectionState[] = []
  const dials: PromiseWithResolvers<Link>[] = []
  const refusals: string[] = []
  const connection = new Connection({
    clock,
    random: () => 0.5,
    signals,
    dial: () => {
      const dial = Promise.withResolvers<Link>()
      dials.push(dial)
      return dial.promise
    },
    onState: (state) => void states.push(state),
    onRefused: () => void refusals.push('refused'),
  })
  const succeed = async () => {
    const gone = Promise.withResolvers<'lost' | 'ended'>()
    dials.at(-1)?.resolve({ gone: gone.promise, close: () => gone.resolve('lost') })
    await settle()
    return async (how: 'lost' | 'ended') => {
      gone.resolve(how)
      await settle()
    }
  }
  const fail = async (code: 'unavailable' | 'unauthenticated' = 'unavailable') => {
    dials.at(-1)?.reject(new ParleyError(code))
    await settle()
  }
  return { clock, connection, states, dials, succeed, fail, tell, listeners, refusals }
}

test('CL-21 connects, loses the link, waits and connects again', async () => {
  const { clock, connection, states, dials, succeed } = connect()
  connection.start()
  connection.start()
  expect(dials).toHaveLength(1)
  const lose = await succeed()
  await lose('lost')
  const retryAt = clock.now() + 750
  expect(states).toEqual([
    { status: 'connecting' },
    { status: 'online' },
    { status: 'reconnecting', attempt: 1, retryAt, error: null },
  ])
  await clock.advance(749)
  expect(dials).toHaveLength(1)
  await clock.advance(1)
  expect(dials).toHaveLength(2)
  await succeed()
  expect(states.at(-1)).toEqual({ status: 'online' })
})

test('CL-21 two failures in a row mean offline, with the time of the next try and what went wrong', async () => {
  const { clock, connection, states, fail } = connect()
  connection.start()
  await fail()
  const error = new ParleyError('unavailable')
  expect(states.at(-1)).toEqual({ status: 'reconnecting', attempt: 2, retryAt: clock.now() + 1_000, error })
  await clock.advance(1_000)
  await fail()
  expect(states.at(-1)).toEqual({ status: 'offline', retryAt: clock.now() + 2_000, error })
})

test('CL-21 a device that says it has no network is offline at once', async () => {
  const { connection, states, succeed, tell } = connect()
  connection.start()
  const lose = await succeed()
  await lose('lost')
  expect(states.at(-1)?.status).toBe('reconnecting')
  tell('offline')
  expect(states.at(-1)?.status).toBe('offline')
})

test('CL-21 a refusal and an ended session end in idle, and only a refusal is reported', async () => {
  const refusal = connect()
  refusal.connection.start()
  await refusal.fail('unauthenticated')
  expect(refusal.states.at(-1)).toEqual({ status: 'idle' })
  expect(refusal.refusals).toEqual(['refused'])
  const ended = connect()
  ended.connection.start()
  const end = await ended.succeed()
  await end('ended')
  expect(ended.states.at(-1)).toEqual({ status: 'idle' })
  expect([ended.refusals, ended.clock.next()]).toEqual([[], null])
})

test('CL-21 closed is closed: a dial that succeeds later is hung up, and nobody listens any more', async () => {
  const { clock, connection, states, dials, listeners } = connect()
  connection.start()
  connection.close()
  const closed: string[] = []
  dials[0]?.resolve({ gone: new Promise(() => {}), close: () => void closed.push('closed') })
  await settle()
  expect(closed).toEqual(['closed'])
  expect(states.at(-1)).toEqual({ status: 'closed' })
  expect([clock.next(), listeners.wake.size, listeners.offline.size]).toEqual([null, 0, 0])
})

test('CL-21 stopping and starting again at once leaves one dial that counts', async () => {
  const { connection, states, dials, succeed } = connect()
  connection.start()
  connection.stop()
  connection.start()
  expect(dials).toHaveLength(2)
  dials[0]?.reject(new ParleyError('unauthenticated'))
  await succeed()
  expect(states.map(({ status }) => status)).toEqual(['connecting', 'idle', 'connecting', 'online'])
})

test('CL-23 waking ends the wait', async () => {
  const { connection, dials, fail, tell } = connect()
  connection.start()
  await fail()
  tell('wake')
  await settle()
  expect(dials).toHaveLength(2)
})

test('CL-30 a link is renewed without a wait', async () => {
  const { connection, states, dials, succeed } = connect()
  connection.start()
  await succeed()
  connection.renew()
  await settle()
  expect(dials).toHaveLength(2)
  await succeed()
  expect(states.some(({ status }) => status === 'offline')).toBe(false)
})

function watch() {
  const clock = new FakeClock()
  const told: string[] = []
  const onDead = () => void told.push('dead')
  const onSilence = () => void told.push('silence')
  return { clock, told, liveness: new Liveness(clock, { onDead, onSilence }) }
}

test('CL-22 35 s without a frame is a dead connection', async () => {
  const { clock, told, liveness } = watch()
  for (let i = 0; i < 10; i += 1) {
    await clock.advance(10_000)
    liveness.frame()
    liveness.event()
  }
  expect(told).toEqual([])
  await clock.advance(35_000)
  expect(told).not.toContain('dead')
  await clock.advance(5_000)
  expect(told).toContain('dead')
  liveness.stop()
  expect(clock.next()).toBeNull()
})

test('CL-22 30 s without an event, pings apart, compares positions, once each time', async () => {
  const { clock, told, liveness } = watch()
  for (let i = 0; i < 12; i += 1) {
    await clock.advance(5_000)
    liveness.frame()
  }
  expect(told).toEqual(['silence', 'silence'])
})

test('CL-22 a device that slept compares at once; one that slept for long knows the connection is dead', async () => {
  const { clock, told, liveness } = watch()
  clock.jump(70_000)
  liveness.frame()
  liveness.event()
  liveness.check()
  expect(told).toEqual(['silence'])
  clock.jump(600_000)
  liveness.check()
  expect(told).toEqual(['silence', 'dead'])
})

test('CL-22 a clock on the wall that is set back changes nothing', async () => {
  const { clock, told, liveness } = watch()
  clock.jump(-hour)
  for (let i = 0; i < 6; i += 1) {
    await clock.advance(5_000)
    liveness.frame()
  }
  expect(told).toEqual(['silence'])
  clock.jump(-hour)
  await clock.advance(40_000)
  expect(told).toContain('dead')
})

/** A server that speaks the socket's opening words over HTTP and then ends the connection, or says nothing more. */
async function halfServer(then: 'silence' | 'end') {
  const sockets = new Set<Socket>()
  const opening = { sid: 's', upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 }
  const server = createServer((request, response) => {
    const isFirst = !request.url?.includes('sid=')
    if (isFirst) response.end(`0${JSON.stringify(opening)}`)
    else if (request.method === 'POST') response.end('ok')
    else if (then === 'end') response.end('1')
  })
  server.on('connection', (socket) => void sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { serverUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

test('CL-24 a server that ends the connection half-way is a failed try', async () => {
  const { serverUrl, close } = await halfServer('end')
  const parts = { serverUrl, token: 't', viewer: null, clock: new FakeClock(), onEvent: () => {}, onFrame: () => {} }
  await expect(openSocket(parts)).rejects.toMatchObject({ code: 'unavailable' })
  close()
})

test('CL-24 a server that opens the connection and says nothing more is a failed try after 30 s', async () => {
  const { serverUrl, close } = await halfServer('silence')
  const clock = new FakeClock()
  const greeted = Promise.withResolvers<void>()
  const parts = { serverUrl, token: 't', viewer: null, clock, onEvent: () => {}, onFrame: () => greeted.resolve() }
  const opening = openSocket(parts).catch((error: unknown) => error)
  await greeted.promise
  await clock.advance(30_000)
  expect(await opening).toMatchObject({ code: 'unavailable', details: { reason: 'timeout' } })
  close()
})
