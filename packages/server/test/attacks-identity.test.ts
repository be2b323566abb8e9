import { setTimeout as sleep } from 'node:timers/promises'
import { limits, type OperationInput, type Role } from '@parley/protocol'
import {
  newMark,
  note,
  openSocket,
  type People,
  type Person,
  people,
  person,
  type RawAnswer,
  requestOf,
  say,
  sendRaw,
  signToken,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../src/config.ts'

const password = 'correct-horse-battery'

let server: TestServer
let all: People

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
})

afterAll(() => server.close())

function signIn(input: OperationInput<'signIn'>, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
  const request = requestOf('signIn', input)
  return sendRaw(server.url, { ...request, headers: { ...request.headers, ...headers } })
}

function get(path: string, headers: Readonly<Record<string, string>>): Promise<RawAnswer> {
  return sendRaw(server.url, { method: 'GET', path, headers })
}

let accounts = 0

/** Somebody with a password, at whose account nobody else guesses. */
async function account(): Promise<string> {
  accounts += 1
  const email = `pat${accounts}@example.com`
  await server.running.identity.createUser({ workspace: 'w1', name: 'Pat', email, role: 'member', password })
  return email
}

function cookieOf({ headers }: RawAnswer): string {
  return headers.get('set-cookie')?.split(';')[0] ?? ''
}

/** Somebody in a conversation with Alice, whose host then says that he has another role. */
async function moved(
  from: Role,
  to: Role,
  kind: 'internal' | 'external' = 'external',
): Promise<{ before: Person; after: Person; conversationId: string }> {
  const id = `moved-${from}-${to}-${newMark()}`
  const issuedAt = Math.floor(Date.now() / 1000) - 100
  const before = await person(server, { id, role: from, workspace: 'w1', issuedAt })
  const { conversation } = await startConversation(all.alice, [before], { kind })
  return { before, conversationId: conversation.id, after: { ...before, role: to } }
}

/** Asks something over HTTP with the new role, and with a token a second younger than the one of before. */
async function arriveAs({ id, role, workspace, issuedAt = 0 }: Person): Promise<Person> {
  return person(server, { id, role, workspace, issuedAt: issuedAt + 1 })
}

describe('another role', () => {
  test.each([
    ['member', 'external'],
    ['external', 'member'],
    ['admin', 'member'],
  ] as const)('SEC-53 who was %s and is %s now: the sockets from before end within a second', async (from, to) => {
    const { before, after } = await moved(from, to)
    const socket = await before.online()
    await arriveAs(after)
    const started = performance.now()
    await socket.closed()
    expect(performance.now() - started).toBeLessThan(1_000)
    expect(socket.named('session-ended')).toEqual([{ reason: 'expired' }])
    socket.close()
  })

  test('SEC-53 a token of before does not bring the role of before', async () => {
    const { before, after, conversationId } = await moved('member', 'external')
    const mark = newMark()
    await note(all.alice, conversationId, mark)
    await arriveAs(after)
    const old = await before.callRaw('listMessages', { conversationId })
    expect(old.text).not.toContain(mark)
  })

  test('SEC-53 who comes back on the other side at once hears nothing of the side of before', async () => {
    const { before, after, conversationId } = await moved('member', 'external')
    const first = await before.online()
    const outside = await arriveAs(after)
    await first.closed()
    const second = await outside.online()
    const mark = newMark()
    await note(all.alice, conversationId, mark)
    await say(all.alice, conversationId, 'to everyone')
    await second.frame(({ name }) => name === 'new-message')
    expect(JSON.stringify([first.frames, second.frames])).not.toContain(mark)
    expect(second.events(conversationId).map(({ seq, prev }) => [prev, seq])).toEqual([[1, 2]])
    second.close()
  })

  test('SEC-53 who asks without a break hears of no note from the moment his role is another', async () => {
    const { before, after, conversationId } = await moved('member', 'external')
    const socket = await before.online()
    const mark = newMark()
    await arriveAs(after)
    await Promise.all([note(all.alice, conversationId, mark), note(all.alice, conversationId, mark)])
    await sleep(200)
    expect(JSON.stringify(socket.frames)).not.toContain(mark)
    socket.drop()
  })

  test('SEC-53 who has become an outsider hears and knows nothing of an internal conversation', async () => {
    const { before, after, conversationId } = await moved('member', 'external', 'internal')
    const { conversation: shared } = await startConversation(all.alice, [before])
    const [alice, bob, first] = await Promise.all([all.alice.online(), all.bob.online(), before.online()])
    await all.alice.call('addParticipant', { conversationId, userId: 'bob' })
    const outside = await arriveAs(after)
    await first.closed()
    const second = await outside.socket()
    const resumed = await second.command('resume', { epoch: null, cursors: { [conversationId]: 1, [shared.id]: 1 } })
    expect(Object.keys(resumed.heads)).toEqual([shared.id])
    expect(resumed.presence.map(({ userId }) => userId)).toEqual(['alice'])
    const signal = { conversationId, audience: 'everyone' } as const
    await expect(second.command('start-typing', signal)).rejects.toMatchObject({ code: 'not_found' })
    await say(all.alice, conversationId, 'team secret')
    await all.alice.call('markRead', { conversationId, seq: 1 })
    await alice.command('start-typing', signal)
    await bob.command('set-presence', { state: 'away' })
    await say(all.alice, shared.id, 'to everyone')
    await second.reached(shared.id, 2)
    expect(JSON.stringify(second.frames)).not.toMatch(new RegExp(`${conversationId}|team secret|bob`))
    for (const socket of [alice, bob, second]) socket.close()
  })

  test('SEC-53 who is of the team again has his internal conversations back, with what was said meanwhile', async () => {
    const { after, conversationId } = await moved('member', 'external', 'internal')
    const outside = await arriveAs(after)
    const { seq } = await say(all.alice, conversationId, 'meanwhile')
    expect((await outside.call('listConversations', {})).items).toEqual([])
    const back = await arriveAs({ ...outside, role: 'member' })
    const socket = await back.online()
    await say(all.alice, conversationId, 'live again')
    await socket.reached(conversationId, seq + 1)
    const { items } = await back.call('listMessages', { conversationId })
    expect(items.map(({ text }) => text)).toEqual(['meanwhile', 'live again'])
    socket.close()
  })
})

describe('tokens', () => {
  const forms: readonly (readonly [string, (token: string) => string])[] = [
    ['no scheme', (token) => token],
    ['another scheme', (token) => `Basic ${token}`],
    ['twice', (token) => `Bearer ${token}, Bearer ${token}`],
    ['two words', (token) => `Bearer ${token} ${token}`],
    ['quotes', (token) => `Bearer "${token}"`],
    ['a part too many', (token) => `Bearer ${token}.x`],
    ['no signature', (token) => `Bearer ${token.slice(0, token.lastIndexOf('.') + 1)}`],
    ['half of it', (token) => `Bearer ${token.slice(0, -20)}`],
    ['nothing', () => 'Bearer '],
    ['much', () => `Bearer ${'x'.repeat(12_000)}`],
  ]

  test.each(forms)('SEC-47 a token in a form with %s is none', async (_title, form) => {
    const { status, text } = await get('/api/me', { authorization: form(all.alice.token) })
    expect(status).toBe(401)
    expect(text).not.toContain('Alice')
  })

  test('SEC-61 a token in the URL opens nothing, over HTTP and socket', async () => {
    for (const name of ['token', 'access_token', 'authorization', 'jwt', 'auth']) {
      expect((await get(`/api/me?${name}=${all.alice.token}`, {})).status, name).toBe(401)
      const url = `${server.url}?${name}=${all.alice.token}`
      await expect(openSocket(url, {}), name).rejects.toMatchObject({ code: 'unauthenticated' })
    }
  })

  test('SEC-46 a cookie is no token, and a token no cookie', async () => {
    const cookie = cookieOf(await signIn({ workspace: 'w1', email: await account(), password }))
    const value = cookie.slice(cookie.indexOf('=') + 1)
    expect((await get('/api/me', { cookie })).status).toBe(200)
    expect((await get('/api/me', { authorization: `Bearer ${value}` })).status).toBe(401)
    expect((await get('/api/me', { cookie: `parley_session=${all.alice.token}` })).status).toBe(401)
    await expect(openSocket(server.url, { token: value })).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('SEC-46 a token of another server is none', async () => {
    const other = { url: server.url, config: { jwt: { secret: 'another-secret-entirely-and-long-enough' } } }
    const token = await signToken(other, { id: 'alice', role: 'admin', workspace: 'w1' })
    expect((await get('/api/me', { authorization: `Bearer ${token}` })).status).toBe(401)
  })
})

describe('sessions', () => {
  test('SEC-48 a session planted before signing in is not the one after', async () => {
    const email = await account()
    const own = cookieOf(await signIn({ workspace: 'w1', email, password }))
    for (const planted of ['parley_session=planted', own]) {
      const answer = await signIn({ workspace: 'w1', email, password }, { cookie: planted })
      expect(answer.status).toBe(200)
      expect(cookieOf(answer)).not.toBe(planted)
    }
    expect((await get('/api/me', { cookie: 'parley_session=planted' })).status).toBe(401)
  })

  test('SEC-141 SEC-49 signing out leaves nothing: the cookie is taken away, caches are cleared, the session is dead', async () => {
    const cookie = cookieOf(await signIn({ workspace: 'w1', email: await account(), password }))
    const out = await sendRaw(server.url, { method: 'POST', path: '/api/auth/sign-out', headers: { cookie } })
    expect(out.status).toBe(200)
    expect(out.headers.get('clear-site-data')).toContain('"cache"')
    expect(out.headers.get('cache-control')).toBe('no-store')
    expect(out.headers.get('set-cookie')).toMatch(/^parley_session=;.*(Max-Age=0|Expires=Thu, 01 Jan 1970)/)
    expect((await get('/api/me', { cookie })).status).toBe(401)
  })

  test('SEC-52 who is deactivated loses session, token and socket within a second', async () => {
    const who = await person(server, { id: 'gone', role: 'member', workspace: 'w1' })
    const socket = await who.online()
    await server.running.identity.deactivateUser({ workspaceId: 'w1', userId: 'gone' })
    await socket.closed()
    expect(socket.named('session-ended')).toEqual([{ reason: 'deactivated' }])
    expect((await who.callRaw('getMe', {})).status).toBe(401)
    await expect(who.socket()).rejects.toMatchObject({ code: 'unauthenticated' })
    socket.close()
  })
})

describe('guessing', () => {
  test('SEC-54 forged forwarding headers do not give more guesses; the answer says when to come again', async () => {
    const guessed = await startTestServer({ rateLimits: true })
    try {
      const { identity } = guessed.running
      await identity.createUser({ name: 'Pat', email: 'pat@example.com', role: 'member', password })
      const guess = (email: string, index: number) => {
        const from = `203.0.113.${index}`
        const forged = {
          'x-forwarded-for': from,
          'x-real-ip': from,
          forwarded: `for=${from}`,
          'cf-connecting-ip': from,
        }
        const request = requestOf('signIn', { email, password: 'wrong-wrong-wrong' })
        return sendRaw(guessed.url, { ...request, headers: { ...request.headers, ...forged } })
      }
      const answers: RawAnswer[] = []
      for (let index = 0; index < 30; index += 1) answers.push(await guess('pat@example.com', index))
      const statuses = answers.map(({ status }) => status)
      expect(statuses.filter((status) => status === 401)).toHaveLength(limits.signInAttemptsPerAccount)
      expect(statuses.filter((status) => status === 429)).toHaveLength(30 - limits.signInAttemptsPerAccount)
      const seconds = Number(answers.at(-1)?.headers.get('retry-after'))
      expect(seconds).toBeGreaterThan(0)
      expect(seconds).toBeLessThanOrEqual(limits.signInWindow / 1000)
      expect((await guess('another@example.com', 99)).status).toBe(429)
      const link = requestOf('signInWithLink', { token: 'x' })
      expect((await sendRaw(guessed.url, link)).status).toBe(429)
    } finally {
      await guessed.close()
    }
  })

  test('SEC-55 known and unknown emails get the same bytes', async () => {
    const bytes = async (email: string) => {
      const { status, headers, text } = await signIn({ workspace: 'w1', email, password: 'wrong-wrong-wrong' })
      const kept = [...headers].filter(([name]) => name !== 'date')
      return { status, kept, text: text.replace(/"requestId":"[^"]+"/, '') }
    }
    expect(await bytes(await account())).toEqual(await bytes('nobody@example.com'))
  })

  test('SEC-32 there are no accounts one could know of', async () => {
    const fresh = await startTestServer()
    try {
      for (const name of ['admin', 'root', 'parley', 'demo', 'test', 'user']) {
        for (const guess of [name, 'admin', 'password', 'changeme', '123456']) {
          const request = requestOf('signIn', { email: `${name}@example.com`, password: guess })
          expect((await sendRaw(fresh.url, request)).status).toBe(401)
        }
      }
      expect(await fresh.database.query('select * from users')).toEqual([])
    } finally {
      await fresh.close()
    }
  })

  test.each([
    'changeme-changeme-changeme-changeme',
    'secret'.repeat(8),
    'a'.repeat(40),
    'your-secret-goes-here-your-secret-goes',
    'short',
    undefined,
  ])('SEC-32 with %s for a secret, production does not start', (secret) => {
    const env = {
      NODE_ENV: 'production',
      PARLEY_PUBLIC_URL: 'https://a.example',
      ...(secret === undefined ? {} : { PARLEY_SECRET: secret }),
    }
    expect(() => readConfig(env)).toThrow(ConfigError)
  })
})
