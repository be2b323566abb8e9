import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '@parley/protocol'
import {
  createRedis,
  hasRedis,
  newKey,
  openRawSocket,
  people,
  type RawSocket,
  say,
  sendRaw,
  startConversation,
  startTestServer,
  type TestRedis,
  type TestServer,
} from '@parley/testing'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Attempts, countAttempts } from './identity/attempts.ts'
import { type Bucket, memoryBucket, redisBucket } from './rate-bucket.ts'
import { openRedis, type SharedCounts } from './redis.ts'

const rate = { perMinute: 60_000, burst: 5 }
const slow = { perMinute: 60, burst: 5 }

let redis: TestRedis
let connections: Redis[] = []

/** What a request for a socket is answered, from an address and with more in its query. */
function askForSocket(serverUrl: string, from: string, query: string): Promise<string> {
  const { hostname, port } = new URL(serverUrl)
  const connection = connect({ port: Number(port), host: hostname, localAddress: from })
  const headers = 'host: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13'
  const key = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='
  connection.write(`GET /socket.io/?EIO=4&transport=websocket${query} HTTP/1.1\r\n${headers}\r\n${key}\r\n\r\n`)
  return new Promise((resolve) => {
    connection.once('data', (chunk) => {
      connection.destroy()
      resolve(chunk.toString())
    })
  })
}

/** What one more node would count in. */
async function openShared(): Promise<SharedCounts> {
  const connection = openRedis(redis.url)
  connections.push(connection)
  while (connection.status !== 'ready') await sleep(5)
  return { redis: connection, prefix: 'test' }
}

async function openBucket(): Promise<Bucket> {
  return redisBucket(await openShared(), () => performance.now())
}

beforeAll(async () => {
  if (!hasRedis()) return
  redis = await createRedis()
  await redis.start()
})

afterEach(() => {
  for (const connection of connections) connection.disconnect()
  connections = []
})

afterAll(() => redis?.kill())

const buckets: [string, () => Promise<Bucket>][] = [
  ['in memory', async () => memoryBucket(() => performance.now())],
  ['in Redis', openBucket],
]

describe.each(buckets)('a bucket %s', (name, open) => {
  const it = test.skipIf(name === 'in Redis' && !hasRedis())

  it('lets a burst through, then says how long to wait', async () => {
    const bucket = await open()
    const key = newKey()
    for (let index = 0; index < slow.burst; index += 1) expect(await bucket(key, slow)).toBe(0)
    const wait = await bucket(key, slow)
    expect(wait).toBeGreaterThan(500)
    expect(wait).toBeLessThanOrEqual(1_000)
  })

  it('refills at its pace', async () => {
    const bucket = await open()
    const key = newKey()
    for (let index = 0; index < 50; index += 1) await bucket(key, rate)
    await sleep(20)
    expect(await bucket(key, rate)).toBe(0)
  })

  it('counts each key for itself', async () => {
    const bucket = await open()
    const key = newKey()
    for (let index = 0; index <= slow.burst; index += 1) await bucket(key, slow)
    expect(await bucket(newKey(), slow)).toBe(0)
  })

  it('lets no more through when all come at once', async () => {
    const bucket = await open()
    const key = newKey()
    const waits = await Promise.all(Array.from({ length: 50 }, () => bucket(key, slow)))
    expect(waits.filter((wait) => wait === 0)).toHaveLength(slow.burst)
  })
})

describe.skipIf(!hasRedis())('several nodes', () => {
  test('share what they count', async () => {
    const [one, other] = [await openBucket(), await openBucket()]
    const key = newKey()
    const waits = await Promise.all(Array.from({ length: 50 }, (_, index) => (index % 2 ? one : other)(key, slow)))
    expect(waits.filter((wait) => wait === 0)).toHaveLength(slow.burst)
  })

  test('are not held up by a hung Redis', async () => {
    const bucket = await openBucket()
    redis.hang()
    const begun = performance.now()
    for (let index = 0; index < 100; index += 1) expect(await bucket(newKey(), slow)).toBe(0)
    expect(performance.now() - begun).toBeLessThan(500)
    redis.goOn()
  })
})

describe.skipIf(!hasRedis())('attempts to sign in', () => {
  const begin = (attempts: Attempts, account: string) => attempts.begin(`10.0.0.${address}`, account)
  let address = 0

  beforeEach(() => {
    address += 1
  })

  test('SEC-54 are counted on all nodes together', async () => {
    const [one, other] = [countAttempts(await openShared()), countAttempts(await openShared())]
    const account = newKey()
    const tries = Array.from({ length: limits.signInAttemptsPerAccount * 2 }, (_, index) => {
      return begin(index % 2 ? one : other, account)
    })
    const refusals = refusalsOf(await Promise.allSettled(tries))
    expect(refusals).toHaveLength(limits.signInAttemptsPerAccount)
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'rate_limited' })
  })

  test('SEC-54 are counted while Redis is away', async () => {
    const attempts = countAttempts(await openShared())
    const account = newKey()
    redis.hang()
    const tries = Array.from({ length: limits.signInAttemptsPerAccount * 2 }, () => begin(attempts, account))
    expect(refusalsOf(await Promise.allSettled(tries))).toHaveLength(limits.signInAttemptsPerAccount)
    redis.goOn()
  })
})

function refusalsOf(outcomes: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
}

const audience = 'everyone'

describe('a server', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await startTestServer({ rateLimits: true })
  })

  afterAll(() => server.close())

  test('SEC-limits refuses messages above the limit of a person, over HTTP and socket together, with Retry-After', async () => {
    const { alice, bob } = await people(server)
    const { conversation } = await startConversation(alice, [bob], { kind: 'internal' })
    const socket = await alice.online()
    const attempts = Array.from({ length: limits.messagesBurst * 2 }, (_, index) => {
      const input = { conversationId: conversation.id, text: 'one of many', clientKey: newKey(), audience } as const
      return index % 2 ? socket.command('send-message', input) : alice.call('sendMessage', input)
    })
    const refusals = refusalsOf(await Promise.allSettled(attempts))
    expect(refusals.length).toBeGreaterThan(limits.messagesBurst / 2)
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ code: 'rate_limited', details: { retryAfter: 1 } })
    }
    const clientKey = newKey()
    const answers = await Promise.all(
      Array.from({ length: 5 }, () =>
        alice.callRaw('sendMessage', { conversationId: conversation.id, clientKey, text: 'one more' }),
      ),
    )
    const refused = answers.find(({ status }) => status === 429)
    expect(refused?.headers.get('retry-after')).toBe('1')
    await say(bob, conversation.id, 'others go on')
    socket.close()
  })

  test('SEC-limits refuses calls above the limit of a person', async () => {
    const { eve, root } = await people(server, 'calls')
    const calls = Array.from({ length: limits.callsBurst * 2 }, () => eve.call('getMe', {}))
    const refusals = refusalsOf(await Promise.allSettled(calls))
    expect(refusals.length).toBeGreaterThan(limits.callsBurst / 2)
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'rate_limited' })
    await root.call('getMe', {})
  })

  test.each(['&sid=', '&x=?sid=1', '&sid=nobody'])(
    'SEC-85 %s lets nobody in past the limit of connections',
    async (more) => {
      const ask = () => fetch(`${server.url}/socket.io/?EIO=4&transport=polling${more}`)
      const answers = await Promise.all(Array.from({ length: limits.upgradesBurst * 2 }, ask))
      const refused = answers.find(({ status }) => status === 503)
      expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await refused?.json()).toMatchObject({ error: { code: 'unavailable' } })
    },
  )

  test('SEC-limits marks that many devices tell keep nobody from writing, and signing out is free', async () => {
    const { alice, bob } = await people(server, 'marks')
    const { conversation, seq } = await startConversation(alice, [bob])
    const input = { conversationId: conversation.id, seq }
    const marks = Array.from({ length: limits.callsBurst * 2 }, () => bob.callRaw('markDelivered', input))
    const statuses = (await Promise.all(marks)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([200, 429]))
    await say(bob, conversation.id, 'still here')
    const calls = Array.from({ length: limits.callsBurst * 2 }, () => bob.callRaw('getMe', {}))
    expect((await Promise.all(calls)).some(({ status }) => status === 429)).toBe(true)
    expect((await bob.callRaw('signOut', {})).status).toBe(200)
  })

  test('SEC-limits refuses signals above the limit of a person, over all sockets together; messages go on', async () => {
    const own = await startTestServer({ rateLimits: true })
    const { alice, bob } = await people(own)
    const { conversation } = await startConversation(alice, [bob])
    const sockets = await Promise.all([bob.online(), bob.online(), bob.online()])
    const input = { conversationId: conversation.id, audience } as const
    const signals = sockets.flatMap((socket) => {
      return Array.from({ length: limits.signalsBurst }, () => socket.command('start-typing', input))
    })
    const refusals = refusalsOf(await Promise.allSettled(signals))
    expect(refusals.length).toBeGreaterThan(limits.signalsBurst)
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'rate_limited' })
    await say(bob, conversation.id, 'still here')
    for (const socket of sockets) socket.close()
    await own.close()
  })

  test.each([
    ['searches', limits.searchesPerMinute, 'listUsers', { q: 'bob' }, {}],
    ['searches of conversations', limits.searchesPerMinute, 'listConversations', { q: 'bob' }, {}],
    [
      'new conversations',
      limits.conversationsPerMinute,
      'createConversation',
      { kind: 'internal', participants: ['bob'] },
      { q: 'bob' },
    ],
  ] as const)(
    'SEC-limits refuses %s above the limit of a person, and nothing else',
    async (what, limit, name, input, other) => {
      const { eve } = await people(server, what)
      const asked = Array.from({ length: limit + 10 }, () => eve.callRaw(name, input))
      const statuses = (await Promise.all(asked)).map(({ status }) => status)
      expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(limit)
      expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0)
      expect(new Set(statuses)).toEqual(new Set([200, 429]))
      expect((await eve.callRaw('listUsers', other)).status).toBe(200)
    },
  )

  test('SEC-limits refuses calls of nobody known above the limit of an address; who is known goes on', async () => {
    const { alice } = await people(server, 'anonymous')
    const ask = () =>
      sendRaw(server.url, { method: 'GET', path: '/api/me', headers: { authorization: 'Bearer a.b.c' } })
    const answers = await Promise.all(Array.from({ length: limits.anonymousCallsPerMinute * 2 }, ask))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(limits.anonymousCallsPerMinute / 2)
    expect(answers.length - refused.length).toBe(answers.filter(({ status }) => status === 401).length)
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
    await alice.call('getMe', {})
  })

  test('SEC-limits calls that fail because what we need is away count against nobody', async () => {
    const jwt = { jwksUrl: 'http://127.0.0.1:9/keys' }
    const own = await startTestServer({ rateLimits: true, jwt })
    const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'r1' })).toString('base64url')
    const claims = Buffer.from(JSON.stringify({ sub: 'alice', exp: 4_000_000_000 })).toString('base64url')
    const headers = { authorization: `Bearer ${header}.${claims}.c2ln` }
    const ask = () => sendRaw(own.url, { method: 'GET', path: '/api/me', headers })
    const answers = await Promise.all(Array.from({ length: limits.anonymousCallsPerMinute * 2 }, ask))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
    const socket = await openRawSocket(own.url)
    socket.send({ payload: `40${JSON.stringify({ token: headers.authorization.slice(7) })}` })
    expect(await socket.text((text) => text.startsWith('44'))).toContain('unavailable')
    socket.destroy()
    const stranger = await sendRaw(own.url, { method: 'GET', path: '/api/me' })
    expect(stranger.status).toBe(401)
    await own.close()
  })

  test('SEC-85 refuses upgrades above the limit of an address with 503 and Retry-After, and takes them again later', async () => {
    const opened = await Promise.allSettled(
      Array.from({ length: limits.upgradesBurst * 2 }, () => openRawSocket(server.url)),
    )
    const refusals = refusalsOf(opened)
    expect(refusals.length).toBeGreaterThan(limits.upgradesBurst / 2)
    for (const refusal of refusals) expect(String(refusal)).toContain('503')
    for (const one of opened) if (one.status === 'fulfilled') one.value.destroy()
    await sleep(300)
    const again = await openRawSocket(server.url)
    again.destroy()
  })

  test('SEC-85 keeps at most 100 of an address waiting to say who they are; others come in', async () => {
    const { alice } = await people(server, 'strangers')
    const waiting: RawSocket[] = []
    let refused = ''
    while (waiting.length <= limits.strangersPerAddress && refused === '') {
      await openRawSocket(server.url, '127.0.0.9').then(
        (stranger) => waiting.push(stranger),
        async (error: Error) => {
          if (waiting.length < limits.strangersPerAddress) await sleep(100)
          else refused = error.message
        },
      )
    }
    expect(waiting).toHaveLength(limits.strangersPerAddress)
    expect(refused).toContain('503')
    expect(waiting.filter(({ ended }) => ended)).toEqual([])
    const hello = await waiting[0]?.text((text) => text.startsWith('0'))
    const { sid } = JSON.parse(hello?.slice(1) ?? '') as { sid: string }
    for (const query of [`&sid=${sid}&sid=`, `#&sid=${sid}`]) {
      expect(await askForSocket(server.url, '127.0.0.9', query)).toMatch(/^HTTP\/1.1 503 /)
    }
    const socket = await alice.online()
    socket.close()
    for (const stranger of waiting) stranger.destroy()
    await expect.poll(() => openRawSocket(server.url, '127.0.0.9').then((one) => one.destroy(), String)).toBeUndefined()
  })
})
