import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { tokenCredentials } from '../src/credentials.ts'
import { createCall } from '../src/http.ts'
import { FakeClock, settle } from './fake-clock.ts'

function base64(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** A token that tells its times, in milliseconds from a moment. */
function tokenFrom(now: number, times: { iat?: number; exp?: number }, name = 'one'): string {
  const claims = Object.entries(times).map(([key, value]) => [key, Math.floor((now + value) / 1000)])
  return `${base64({ alg: 'HS256' })}.${base64({ ...Object.fromEntries(claims), name })}.signature`
}

const minute = 60_000

/** A host that gives what it is told to, and counts. */
function host(clock: FakeClock, give: () => string | Promise<string>) {
  const asked: number[] = []
  const getToken = async () => {
    asked.push(clock.now())
    return give()
  }
  return { asked, credentials: tokenCredentials(getToken, clock) }
}

test('CL-30 a token is asked for once, and again 60 s before its end', async () => {
  const clock = new FakeClock()
  const { asked, credentials } = host(clock, () => tokenFrom(clock.now(), { iat: 0, exp: 10 * minute }))
  await credentials.token()
  expect(credentials.renewIn()).toBe(9 * minute)
  await clock.advance(9 * minute - 1)
  await credentials.token()
  expect(asked).toHaveLength(1)
  await clock.advance(1)
  await credentials.token()
  expect(asked).toHaveLength(2)
})

test.each([
  ['ahead', -24 * 60 * minute],
  ['behind', 24 * 60 * minute],
])('CL-30 a device whose clock is a day %s uses a token as long as it lives', async (_, offset) => {
  const clock = new FakeClock()
  const { asked, credentials } = host(clock, () => tokenFrom(clock.now() + offset, { iat: 0, exp: 10 * minute }))
  await credentials.token()
  expect(credentials.renewIn()).toBe(9 * minute)
  await clock.advance(9 * minute - 1)
  await credentials.token()
  expect(asked).toHaveLength(1)
})

test.each(['not-a-token', 'a.b.c', tokenFrom(0, {}), `x.${base64(null)}.y`])(
  'CL-30 a token that tells no end (%s) is used until it is refused',
  async (token) => {
    const clock = new FakeClock()
    const { asked, credentials } = host(clock, () => token)
    expect(await credentials.token()).toBe(token)
    expect(credentials.renewIn()).toBeNull()
    await clock.advance(1_000 * minute)
    await credentials.token()
    expect(asked).toHaveLength(1)
    credentials.refuse('another one')
    await credentials.token()
    expect(asked).toHaveLength(1)
    credentials.refuse(token)
    await credentials.token()
    expect(asked).toHaveLength(2)
  },
)

test('CL-31 whoever needs a token at the same time waits for the same answer', async () => {
  const clock = new FakeClock()
  const answer = Promise.withResolvers<string>()
  const { asked, credentials } = host(clock, () => answer.promise)
  const all = Promise.all([credentials.token(), credentials.token(), credentials.token()])
  answer.resolve('one')
  expect(await all).toEqual(['one', 'one', 'one'])
  expect(asked).toHaveLength(1)
})

test('CL-32 a host that fails makes requests fail, and is asked again', async () => {
  const clock = new FakeClock()
  let works = false
  const { credentials } = host(clock, () => {
    if (!works) throw new Error('down')
    return 'one'
  })
  await expect(credentials.token()).rejects.toMatchObject({ code: 'unavailable', cause: { message: 'down' } })
  works = true
  expect(await credentials.token()).toBe('one')
})

test('CL-32 a host that never answers does not hold up everything for ever', async () => {
  const clock = new FakeClock()
  let answers = false
  const { credentials } = host(clock, () => (answers ? 'one' : new Promise<string>(() => {})))
  const asking = credentials.token().catch((error: unknown) => error)
  await clock.advance(15_000)
  expect(await asking).toMatchObject({ code: 'unavailable' })
  answers = true
  expect(await credentials.token()).toBe('one')
})

test('CL-32 while the host gives no new token, the one at hand is used and the host asked every 10 s', async () => {
  const clock = new FakeClock()
  let works = true
  const { asked, credentials } = host(clock, () => {
    if (!works) throw new Error('down')
    return tokenFrom(clock.now(), { iat: 0, exp: 10 * minute })
  })
  const token = await credentials.token()
  works = false
  await clock.advance(9 * minute)
  expect(await credentials.token()).toBe(token)
  expect(credentials.renewIn()).toBe(10_000)
  await clock.advance(9_999)
  expect(await credentials.token()).toBe(token)
  expect(asked).toHaveLength(2)
  works = true
  await clock.advance(1)
  expect(await credentials.token()).not.toBe(token)
})

let server: Server
let accepted = 'new'
const seen: string[] = []

beforeEach(async () => {
  seen.length = 0
  accepted = 'new'
  server = createServer((request, response) => {
    const token = request.headers.authorization?.slice('Bearer '.length) ?? ''
    seen.push(token)
    const known = token === accepted
    response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify(known ? { items: [], nextCursor: null } : { error: { code: 'unauthenticated' } }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(() => new Promise((resolve) => void server.close(resolve)))

function caller(tokens: string[]) {
  const clock = new FakeClock()
  const ended: string[] = []
  const { asked, credentials } = host(clock, async () => {
    await settle()
    return tokens.shift() ?? 'old'
  })
  const serverUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const parts = { serverUrl, credentials, clock, viewer: () => null, age: () => 0, onViewerChanged: () => {} }
  const call = createCall({ ...parts, onUnauthenticated: () => void ended.push('ended') })
  return { call, asked, ended }
}

test('CL-31 requests refused at the same time ask the host once, and are repeated once', async () => {
  const { call, asked, ended } = caller(['old', 'new'])
  await Promise.all(Array.from({ length: 5 }, () => call('listUsers', { q: 'a' })))
  expect(asked).toHaveLength(2)
  expect(seen.filter((token) => token === 'old')).toHaveLength(5)
  expect(seen.filter((token) => token === 'new')).toHaveLength(5)
  expect(ended).toEqual([])
})

test('CL-31 a request whose second token is refused too ends the session', async () => {
  accepted = 'none'
  const { call, ended } = caller(['old', 'old'])
  await expect(call('listUsers', { q: 'a' })).rejects.toMatchObject({ code: 'unauthenticated' })
  expect(seen).toEqual(['old', 'old'])
  expect(ended).toEqual(['ended'])
})
