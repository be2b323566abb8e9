import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ParleyError } from '@parley/protocol'
import { openSocket, requestOf, sendRaw, startTestServer, type TestServer, type TestSocket } from '@parley/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { environment, parley } from '../cli/test/parley.ts'
import type { NewUser, Person } from './account.service.ts'
import type { Identity } from './identity.service.ts'

const password = 'nine lives of a tabby'
const day = 24 * 60 * 60
let server: TestServer
let identity: Identity
let count = 0

beforeAll(async () => {
  server = await startTestServer({ rateLimits: true })
  identity = server.running.identity
})

afterAll(() => server.close())

interface Made extends Person {
  readonly email: string
}

async function make(user: Partial<NewUser> = {}): Promise<Made> {
  count += 1
  const email = user.email ?? `person${count}@example.com`
  return { email, ...(await identity.createUser({ name: 'Pat', role: 'member', password, ...user, email })) }
}

/** Another caller each time, so that only the account's own limit counts. */
function somewhere(): string {
  count += 1
  return `10.0.${count >> 8}.${count & 255}`
}

const signIn = (email: string, given = password, address = somewhere()) =>
  identity.signIn({ email, password: given }, address)

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'ok'
  } catch (error) {
    return error instanceof ParleyError ? error.code : String(error)
  }
}

const browserSocket = (cookieValue: string) =>
  openSocket(server.url, {}, { cookie: `parley_session=${cookieValue}`, origin: server.url })

async function closesWithinASecond(socket: TestSocket): Promise<void> {
  const start = performance.now()
  await socket.closed()
  expect(performance.now() - start).toBeLessThan(1_000)
}

/** Sooner than everybody's session is looked up, and with room for a machine that is busy. */
async function closesWithinTheNextSeconds(socket: TestSocket): Promise<void> {
  const start = performance.now()
  await socket.closed()
  expect(performance.now() - start).toBeLessThan(3_000)
}

const refused = (cookie: string) => codeOf(identity.authenticate({ cookie }))

describe('password', () => {
  test('ID10 email and password open a session, whatever the letters’ case', async () => {
    const { email, userId } = await make({ email: 'Robin@Example.com' })
    const { session, cookieValue, me } = await signIn(` ${email.toUpperCase()}`)
    expect(session).toMatchObject({ kind: 'session', actor: { workspaceId: 'default', userId, role: 'member' } })
    expect(me).toMatchObject({
      workspace: { id: 'default' },
      user: { id: userId, name: 'Pat' },
      email: 'robin@example.com',
    })
    expect((await identity.authenticate({ cookie: cookieValue })).actor).toEqual(session.actor)
  })

  test('ID10 wrong password, unknown email, no password, other workspace: one answer', async () => {
    const { email } = await make()
    const bare = 'link-only@example.com'
    await identity.createUser({ name: 'Link only', role: 'member', email: bare })
    expect(await codeOf(signIn(email, 'wrong'))).toBe('credentials_invalid')
    expect(await codeOf(signIn('nobody@example.com'))).toBe('credentials_invalid')
    expect(await codeOf(signIn(bare))).toBe('credentials_invalid')
    expect(await codeOf(signIn(bare, ''))).toBe('credentials_invalid')
    const elsewhere = identity.signIn({ email, password, workspace: 'other' }, somewhere())
    expect(await codeOf(elsewhere)).toBe('credentials_invalid')
  })

  test('ID10 a password that is changed while somebody signs in with it opens nothing', async () => {
    const { email } = await make()
    const client = new pg.Client(server.database.connection)
    await client.connect()
    await client.query('begin')
    await client.query(`update parley.accounts set password_hash = 'another' where email = $1`, [email])
    const signingIn = codeOf(signIn(email))
    await sleep(500)
    await client.query('commit')
    await client.end()
    expect(await signingIn).toBe('credentials_invalid')
  })

  test('SEC-36 the same email in two workspaces is two people', async () => {
    const here = await make()
    const there = await make({ email: here.email, workspace: 'w2', password: 'a different long phrase' })
    expect(await codeOf(identity.signIn({ email: here.email, password, workspace: 'w2' }, somewhere()))).toBe(
      'credentials_invalid',
    )
    const { session } = await identity.signIn(
      { email: here.email, password: 'a different long phrase', workspace: 'w2' },
      somewhere(),
    )
    expect(session.actor).toMatchObject({ workspaceId: 'w2', userId: there.userId })
  })

  test('SEC-54 the sixth guess at an account waits, from wherever it comes, and the victim goes on', async () => {
    const { email } = await make()
    const { cookieValue } = await signIn(email)
    const guesses = await Promise.all(Array.from({ length: 9 }, () => codeOf(signIn(email, 'guess'))))
    expect(guesses.filter((code) => code === 'credentials_invalid')).toHaveLength(5)
    expect(guesses.filter((code) => code === 'rate_limited')).toHaveLength(4)
    await expect(signIn(email)).rejects.toMatchObject({
      code: 'rate_limited',
      details: { retryAfter: expect.any(Number) },
    })
    expect(await refused(cookieValue)).toBe('ok')
  })

  test('SEC-54 an account that does not exist is limited alike', async () => {
    const codes: string[] = []
    for (let turn = 0; turn < 7; turn += 1) codes.push(await codeOf(signIn('ghost@example.com', 'guess')))
    expect(codes).toEqual([...Array(5).fill('credentials_invalid'), 'rate_limited', 'rate_limited'])
  })

  test('SEC-54 twenty guesses from an address, over all accounts and links; successes do not count', async () => {
    const address = '2001:db8:1:2::1'
    const { email } = await make()
    for (let turn = 0; turn < 25; turn += 1) expect(await codeOf(signIn(email, password, address))).toBe('ok')
    const guesses = Array.from({ length: 19 }, (_, turn) => codeOf(signIn(`${turn}@example.com`, 'guess', address)))
    expect(new Set(await Promise.all(guesses))).toEqual(new Set(['credentials_invalid']))
    const neighbour = '2001:db8:1:2:ffff::9'
    expect(await codeOf(identity.signInWithLink({ token: 'x' }, neighbour))).toBe('link_used')
    expect(await codeOf(identity.signInWithLink({ token: 'x' }, neighbour))).toBe('rate_limited')
    expect(await codeOf(signIn(email, password, address))).toBe('rate_limited')
    expect(await codeOf(signIn(email, password, '2001:db8:1:3::1'))).toBe('ok')
  }, 60_000)

  test('SEC-55 known and unknown emails take the same time', async () => {
    const known: number[] = []
    const unknown: number[] = []
    const measure = async (email: string) => {
      const start = performance.now()
      await codeOf(signIn(email, 'guess'))
      return performance.now() - start
    }
    for (let turn = 0; turn < 24; turn += 1) {
      const { email } = await make()
      known.push(await measure(email))
      unknown.push(await measure(`unknown${turn}@example.com`))
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
    expect(Math.abs(median(known) - median(unknown))).toBeLessThan(10)
  }, 60_000)

  test('SEC-50 another password ends all sessions and sockets', async () => {
    const person = await make()
    const { cookieValue } = await signIn(person.email)
    const socket = await browserSocket(cookieValue)
    await identity.setPassword(person, 'quite another phrase')
    await closesWithinASecond(socket)
    expect(await refused(cookieValue)).toBe('unauthenticated')
    expect(await codeOf(signIn(person.email))).toBe('credentials_invalid')
    expect(await codeOf(signIn(person.email, 'quite another phrase'))).toBe('ok')
  })
})

describe('session', () => {
  test('SEC-48 every sign-in opens a session of its own; only hashes are stored', async () => {
    const { email, userId } = await make()
    const [one, two] = [await signIn(email), await signIn(email)]
    expect(one.cookieValue).not.toBe(two.cookieValue)
    const rows = await server.database.query<{ token_hash: string }>(
      'select token_hash from sessions where user_id = $1',
      [userId],
    )
    expect(new Set(rows.map((row) => row.token_hash))).toEqual(new Set([one.session.key, two.session.key]))
    const [, secret = ''] = one.cookieValue.split('.')
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
    const found = await server.database.query(`select 1 from sessions where token_hash like '%' || $1 || '%'`, [secret])
    expect(found).toEqual([])
  })

  test.each([
    '',
    '.',
    'ZGVmYXVsdA',
    'ZGVmYXVsdA.',
    `ZGVmYXVsdA.${'A'.repeat(43)}`,
    `.${'A'.repeat(43)}`,
    `AA.${'A'.repeat(43)}`,
    `__8.${'A'.repeat(43)}`,
  ])('ID12 a made-up cookie is refused: %j', async (cookie) => expect(await refused(cookie)).toBe('unauthenticated'))

  test('SEC-34 a cookie says its workspace; changed, it is another cookie', async () => {
    await make({ workspace: 'w2' })
    const { email } = await make()
    const [, secret] = (await signIn(email)).cookieValue.split('.')
    expect(await refused(`${Buffer.from('w2').toString('base64url')}.${secret}`)).toBe('unauthenticated')
  })

  test('ID12 a session ends after 14 idle days and after 90 days in any case; use is noted every 5 minutes', async () => {
    const { email } = await make()
    const { cookieValue, session } = await signIn(email)
    const set = (column: string, seconds: number) =>
      server.database.query(`update sessions set ${column} = now() - make_interval(secs => $2) where token_hash = $1`, [
        session.key,
        seconds,
      ])
    const idle = async () => {
      const rows = await server.database.query<{ idle: number }>(
        'select extract(epoch from now() - last_seen_at)::int as idle from sessions where token_hash = $1',
        [session.key],
      )
      return rows[0]?.idle ?? Number.NaN
    }
    await set('last_seen_at', 200)
    expect(await refused(cookieValue)).toBe('ok')
    expect(await idle()).toBeGreaterThanOrEqual(200)
    await set('last_seen_at', 13.9 * day)
    expect(await refused(cookieValue)).toBe('ok')
    expect(await idle()).toBeLessThan(60)
    await set('last_seen_at', 14.1 * day)
    expect(await identity.recheck([session])).toEqual(new Map([[session, 'expired']]))
    expect(await refused(cookieValue)).toBe('unauthenticated')
    await set('last_seen_at', 0)
    await set('created_at', 89.9 * day)
    expect(await identity.recheck([session])).toEqual(new Map())
    const { expiresAt } = await identity.authenticate({ cookie: cookieValue })
    expect(Math.abs(expiresAt - (Date.now() + 0.1 * day * 1000))).toBeLessThan(60_000)
    await set('created_at', 90.1 * day)
    expect(await refused(cookieValue)).toBe('unauthenticated')
  })

  test('ID13 SEC-49 signed out: the session is dead at once and its sockets close within a second; others live on', async () => {
    const { email } = await make()
    const [one, two] = [await signIn(email), await signIn(email)]
    const socket = await browserSocket(one.cookieValue)
    await identity.signOut(one.session)
    await closesWithinASecond(socket)
    expect(await refused(one.cookieValue)).toBe('unauthenticated')
    expect(await refused(two.cookieValue)).toBe('ok')
    expect(await identity.recheck([one.session, two.session])).toEqual(new Map([[one.session, 'signed-out']]))
  })

  test('SEC-62 SEC-63 the cookie is HttpOnly, Lax, for the whole path, and useless to other sites', async () => {
    const { email } = await make()
    const answer = await sendRaw(server.url, requestOf('signIn', { email, password }))
    expect(answer.status).toBe(200)
    const cookie = answer.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/^parley_session=[^;]+; Max-Age=7776000; Path=\/; HttpOnly; SameSite=Lax$/)
    expect(answer.text).not.toContain(cookie.slice('parley_session='.length).split(';')[0])
    const [pair = ''] = cookie.split(';')
    const me = requestOf('getMe', {})
    expect((await sendRaw(server.url, { ...me, headers: { cookie: pair } })).status).toBe(200)
    for (const headers of [
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'null' },
    ]) {
      expect((await sendRaw(server.url, { ...me, headers: { cookie: pair, ...headers } })).status).toBe(403)
    }
  })
})

describe('one-time link', () => {
  test('ID14 SEC-56 a link works once, also when two use it together', async () => {
    const { workspaceId, userId } = await make()
    const token = await identity.createSignInLink(workspaceId, userId)
    const codes = await Promise.all(
      Array.from({ length: 8 }, () => codeOf(identity.signInWithLink({ token }, somewhere()))),
    )
    expect(codes.sort()).toEqual([...Array(7).fill('link_used'), 'ok'])
    const [link] = await server.database.query<{ token_hash: string }>(
      'select token_hash from sign_in_links where user_id = $1',
      [userId],
    )
    expect(token).not.toContain(link?.token_hash)
  })

  test('SEC-56 not after a day, not for another workspace, not made up', async () => {
    const { workspaceId, userId } = await make()
    const token = await identity.createSignInLink(workspaceId, userId)
    const [, secret] = token.split('.')
    const foreign = `${Buffer.from('w2').toString('base64url')}.${secret}`
    expect(await codeOf(identity.signInWithLink({ token: foreign }, somewhere()))).toBe('link_used')
    await server.database.query(
      `update sign_in_links set expires_at = now() - interval '1 second' where user_id = $1`,
      [userId],
    )
    expect(await codeOf(identity.signInWithLink({ token }, somewhere()))).toBe('link_used')
    expect(await codeOf(identity.signInWithLink({ token: `${token}x` }, somewhere()))).toBe('link_used')
    expect(await codeOf(identity.createSignInLink(workspaceId, 'nobody'))).toBe('not_found')
  })
})

describe('deactivated', () => {
  test('SEC-52 a deactivated person is refused on every path', async () => {
    const person = await make()
    const token = await identity.createSignInLink(person.workspaceId, person.userId)
    const { cookieValue, session } = await signIn(person.email)
    const socket = await browserSocket(cookieValue)
    await identity.deactivateUser(person)
    await closesWithinASecond(socket)
    expect(await refused(cookieValue)).toBe('unauthenticated')
    expect(await identity.recheck([session])).toEqual(new Map([[session, 'deactivated']]))
    expect(await codeOf(signIn(person.email))).toBe('credentials_invalid')
    expect(await codeOf(identity.signInWithLink({ token }, somewhere()))).toBe('link_used')
    expect(await codeOf(identity.createSignInLink(person.workspaceId, person.userId))).toBe('not_found')
  })

  test('ID15 who was let in again signs in as before, and not with what he had', async () => {
    const person = await make()
    const { cookieValue } = await signIn(person.email)
    const token = await identity.createSignInLink(person.workspaceId, person.userId)
    await identity.deactivateUser(person)
    await identity.activateUser(person)
    expect(await codeOf(identity.signInWithLink({ token }, somewhere()))).toBe('link_used')
    expect(await refused(cookieValue)).toBe('unauthenticated')
    expect(await codeOf(signIn(person.email))).toBe('ok')
    expect(await codeOf(identity.activateUser({ ...person, userId: 'nobody' }))).toBe('not_found')
  })

  test('SEC-52 also one deactivated by another program: no revocation reaches us, every check asks the database', async () => {
    const person = await make()
    const { cookieValue, session } = await signIn(person.email)
    await server.database.query('update users set deactivated_at = now() where id = $1', [person.userId])
    expect(await refused(cookieValue)).toBe('unauthenticated')
    expect(await identity.recheck([session])).toEqual(new Map([[session, 'deactivated']]))
  })
})

describe('by a command, which is a process of its own', () => {
  let folder: string
  const command = async (args: readonly string[], input?: string): Promise<void> => {
    const { code, err } = await parley(environment(server.database, folder), args, input)
    expect({ code, err }).toEqual({ code: 0, err: '' })
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parley-sign-in-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test.each([
    ['deactivated', ['user', 'deactivate'], undefined],
    ['signed-out', ['user', 'password'], 'another nine lives of a tabby\n'],
    ['expired', ['user', 'update', '--role', 'external'], undefined],
  ])('ID9 SEC-52 sockets end as %s by %j, before everybody is looked up', async (reason, args, input) => {
    const { email, userId } = await make()
    const socket = await browserSocket((await signIn(email)).cookieValue)
    await command([...args, userId], input)
    await closesWithinTheNextSeconds(socket)
    expect(socket.named('session-ended')).toEqual([{ reason }])
  })

  test('ID9 who was revoked is asked again, and nobody else', async () => {
    const [one, two] = [await make(), await make()]
    const { session } = await signIn(one.email)
    await signIn(two.email)
    await identity.learnRevoked()
    await command(['user', 'deactivate', two.userId])
    const people = await identity.learnRevoked()
    expect(people).toContainEqual({ workspaceId: two.workspaceId, userId: two.userId })
    expect(people).not.toContainEqual({ workspaceId: one.workspaceId, userId: one.userId })
    expect(await identity.recheck([session])).toEqual(new Map())
  })
})

describe('new people', () => {
  test.each([
    ['password', { password: 'short' }],
    ['password', { password: 'Password1!' }],
    ['password', { password: 'x'.repeat(257) }],
    ['password', { email: 'someone.special@example.com', password: 'someone.special' }],
  ] as const)('ID11 a bad %s is refused: %j', async (field, user) => {
    const made = identity.createUser({ name: 'Pat', role: 'member', email: 'pat@example.com', ...user })
    await expect(made).rejects.toMatchObject({ code: 'invalid', details: { fields: [{ path: field }] } })
  })

  test('ID15 an id or email that is taken is refused and nothing is left behind', async () => {
    const { email, userId } = await make()
    const again = identity.createUser({ id: 'new-one', name: 'New', role: 'member', email })
    await expect(again).rejects.toMatchObject({ code: 'invalid', details: { fields: [{ path: 'email' }] } })
    expect(await server.database.query(`select 1 from users where id = 'new-one'`)).toEqual([])
    const same = identity.createUser({ id: userId, name: 'New', role: 'member' })
    await expect(same).rejects.toMatchObject({ code: 'invalid', details: { fields: [{ path: 'id' }] } })
  })

  test('ID15 a change changes what it names, and ends the sockets of another role', async () => {
    const person = await make()
    const { cookieValue } = await signIn(person.email)
    const socket = await browserSocket(cookieValue)
    const email = `new-${person.email}`
    await identity.updateUser(person, { name: 'Renamed', email })
    expect(await codeOf(signIn(person.email))).toBe('credentials_invalid')
    expect(await codeOf(signIn(email))).toBe('ok')
    expect(socket.connected).toBe(true)
    await identity.updateUser(person, { role: 'external', organization: { id: 'fox', name: 'Fox', kind: 'client' } })
    await closesWithinASecond(socket)
    const { actor } = await identity.authenticate({ cookie: cookieValue })
    const { user } = await identity.getMe(actor)
    expect(user).toMatchObject({ name: 'Renamed', role: 'external', organization: { id: 'fox' } })
    await identity.updateUser(person, { organization: null })
    expect((await identity.getMe(actor)).user.organization).toBeNull()
  })

  test('ID15 a change that cannot be changes nothing', async () => {
    const [one, other] = [await make(), await make()]
    const taken = identity.updateUser(one, { name: 'Other', email: other.email })
    await expect(taken).rejects.toMatchObject({ code: 'invalid', details: { fields: [{ path: 'email' }] } })
    const { actor } = await identity.authenticate({ cookie: (await signIn(one.email)).cookieValue })
    expect((await identity.getMe(actor)).user.name).not.toBe('Other')
    expect(await codeOf(identity.updateUser({ ...one, userId: 'nobody' }, { name: 'No' }))).toBe('not_found')
  })

  test('ID15 faults of the form name their field', async () => {
    const made = identity.createUser({ name: '', role: 'member', email: 'nothing' })
    await expect(made).rejects.toMatchObject({
      code: 'invalid',
      details: { fields: [{ path: 'name' }, { path: 'email' }] },
    })
  })
})
