import { ParleyError } from '@parley/protocol'
import { openSocket, requestOf, sendRaw, startTestServer, type TestServer, type TestSocket } from '@parley/testing'
import { SignJWT } from 'jose'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Claims } from './claims.ts'
import { hostUsers } from './host-user.service.ts'
import type { Identity } from './identity.service.ts'

let server: TestServer
let identity: Identity
let count = 0

beforeAll(async () => {
  server = await startTestServer()
  identity = server.running.identity
})

afterAll(() => server.close())

function newId(): string {
  count += 1
  return `host-user-${count}`
}

const now = Math.floor(Date.now() / 1000)

function tokenOf(sub: string, claims: Record<string, unknown> = {}, exp = now + 3600): Promise<string> {
  const key = new TextEncoder().encode(server.config.jwt.secret)
  return new SignJWT({ sub, exp, workspace: 'w1', ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(key)
}

function claimsOf(sub: string, more: Partial<Claims>): Claims {
  return { sub, exp: now + 3600, workspace: 'w1', role: 'member', iat: 0, ...more }
}

const authenticate = async (sub: string, claims?: Record<string, unknown>) =>
  identity.authenticate({ bearer: await tokenOf(sub, claims) })

async function userRow(id: string, workspace = 'w1'): Promise<Record<string, unknown> | undefined> {
  const [row] = await server.database.query<Record<string, unknown>>(
    `select u.name, u.email, u.avatar_url, u.role, u.organization_id, o.name as organization, o.kind, u.xmin::text as version
     from users u left join organizations o on o.workspace_id = u.workspace_id and o.id = u.organization_id
     where u.workspace_id = $1 and u.id = $2`,
    [workspace, id],
  )
  return row
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'ok'
  } catch (error) {
    return error instanceof ParleyError ? error.code : String(error)
  }
}

async function closesWithinASecond(socket: TestSocket): Promise<void> {
  const start = performance.now()
  await socket.closed()
  expect(performance.now() - start).toBeLessThan(1_000)
}

describe('first sight', () => {
  test('ID6 workspace, organization and user are made from the claims', async () => {
    const sub = newId()
    const organization = { id: 'acme', name: 'Acme', kind: 'client' }
    const claims = { workspace: 'brand-new', name: 'Dana', email: 'dana@acme.example', organization }
    const session = await authenticate(sub, claims)
    expect(session.actor).toEqual({ workspaceId: 'brand-new', userId: sub, role: 'external' })
    expect(await userRow(sub, 'brand-new')).toMatchObject({
      name: 'Dana',
      role: 'external',
      organization: 'Acme',
      kind: 'client',
    })
    const me = await identity.getMe(session.actor)
    expect(me.workspace).toEqual({ id: 'brand-new', name: 'brand-new' })
    expect(me.user.organization).toEqual(organization)
  })

  test('ID6 twenty first requests at once make one user', async () => {
    const sub = newId()
    const token = await tokenOf(sub, { workspace: 'rush', organization: { id: 'o', name: 'O', kind: 'own' } })
    const sessions = await Promise.all(Array.from({ length: 20 }, () => identity.authenticate({ bearer: token })))
    expect(new Set(sessions.map((session) => session.actor.userId))).toEqual(new Set([sub]))
  })

  test('ID6 who comes into an organization that stays as it is waits for nobody who comes there too', async () => {
    const organization = { id: 'calm', name: 'Calm', kind: 'client' }
    await authenticate(newId(), { organization })
    const other = new pg.Client(server.database.connection)
    await other.connect()
    const sub = newId()
    try {
      await other.query('begin')
      await other.query("select from parley.organizations where workspace_id = 'w1' and id = 'calm' for no key update")
      expect((await authenticate(sub, { organization })).actor.userId).toBe(sub)
    } finally {
      await other.end()
    }
    await authenticate(newId(), { organization: { ...organization, name: 'Calmer' } })
    expect((await userRow(sub))?.organization).toBe('Calmer')
  })

  test('SEC-36 the same id in two workspaces is two people', async () => {
    const sub = newId()
    await authenticate(sub, { name: 'Here' })
    await authenticate(sub, { name: 'There', workspace: 'w2' })
    expect((await userRow(sub, 'w1'))?.name).toBe('Here')
    expect((await userRow(sub, 'w2'))?.name).toBe('There')
  })
})

describe('SEC-105 a name', () => {
  test.each([
    ['spaces without width', 'A\u200bli\u2060ce\ufeff', 'Alice'],
    ['a turn of direction', 'Alice \u202egnp.exe\u202c', 'Alice gnp.exe'],
    ['joiners between letters that do not join', '\u200dAl\u200cice\u200d Ann\u200d', 'Alice Ann'],
    ['a filler that looks like nothing', 'Ali\u3164ce', 'Alice'],
  ])('loses %s', async (_what, name, seen) => {
    const sub = newId()
    await authenticate(sub, { name, organization: { id: `o-${sub}`, name, kind: 'client' } })
    expect(await userRow(sub)).toMatchObject({ name: seen, organization: seen })
  })

  test.each([
    '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645',
    '\u0915\u094d\u200d\u0937',
    '\ud83d\udc69\u200d\ud83d\ude80 Ana',
    '\u2764\ufe0f Ana',
  ])('keeps what makes its letters: %s', async (name) => {
    const sub = newId()
    await authenticate(sub, { name })
    expect((await userRow(sub))?.name).toBe(name)
  })

  test('is refused when nothing of it is seen', async () => {
    expect(await codeOf(authenticate(newId(), { name: '\u200b\u2066' }))).toBe('unauthenticated')
  })
})

describe('refreshed', () => {
  test('ID7 claims that differ are taken over; the same ones write nothing', async () => {
    const sub = newId()
    await authenticate(sub, { name: 'Old', role: 'member', avatarUrl: 'https://example.com/a.png' })
    const before = await userRow(sub)
    await authenticate(sub, { name: 'Old', role: 'member', avatarUrl: 'https://example.com/a.png', iat: now })
    expect(await userRow(sub)).toEqual(before)
    await authenticate(sub, { name: 'New', role: 'member', avatarUrl: null, iat: now })
    expect(await userRow(sub)).toMatchObject({ name: 'New', avatar_url: null })
  })

  test('ID7 profile fields left out stay; rights left out are gone', async () => {
    const sub = newId()
    const organization = { id: 'own', name: 'Own', kind: 'own' }
    await authenticate(sub, { name: 'Ana', email: 'ana@example.com', role: 'admin', organization })
    const { actor } = await authenticate(sub)
    expect(actor.role).toBe('external')
    expect(await userRow(sub)).toMatchObject({
      name: 'Ana',
      email: 'ana@example.com',
      role: 'external',
      organization_id: null,
    })
  })

  test('SEC-53 an older token does not bring a higher role back', async () => {
    const sub = newId()
    const old = await tokenOf(sub, { role: 'admin', iat: now - 100 })
    expect((await identity.authenticate({ bearer: old })).actor.role).toBe('admin')
    expect((await authenticate(sub, { role: 'external', iat: now })).actor.role).toBe('external')
    expect((await identity.authenticate({ bearer: old })).actor.role).toBe('external')
    expect((await userRow(sub))?.role).toBe('external')
  })

  test('ID7 SEC-53 an older token changes nothing after a restart either', async () => {
    const sub = newId()
    const claims = { name: 'Old', role: 'admin', iat: now - 100 }
    await authenticate(sub, claims)
    await authenticate(sub, { name: 'New', role: 'external', iat: now - 50 })
    await server.restart()
    identity = server.running.identity
    expect((await authenticate(sub, claims)).actor.role).toBe('external')
    expect(await userRow(sub)).toMatchObject({ name: 'New', role: 'external' })
  })

  test.each([
    ['older', now - 1, 'admin'],
    ['of the same second', now, 'member'],
  ] as const)(
    'ID7 SEC-53 two tokens at two nodes, one of them %s, do not turn a person back and forth',
    async (_what, iat, role) => {
      const sub = newId()
      const nodes = [hostUsers(server.running.services), hostUsers(server.running.services)]
      const tokens = [claimsOf(sub, { role: 'member', iat }), claimsOf(sub, { role: 'admin', iat: now })]
      const ask = async (turn: number) => (await nodes[turn]?.(tokens[turn] as Claims))?.role
      for (const turn of [0, 1]) await ask(turn)
      const after = await userRow(sub)
      expect(after?.role).toBe(role)
      for (const turn of [0, 1, 0, 1]) expect(await ask(turn)).toBe(role)
      expect(await userRow(sub)).toEqual(after)
    },
  )

  test('ID7 an older token that comes to the database last changes nothing', async () => {
    const sub = newId()
    const tokens = Array.from({ length: 20 }, (_token, age) => claimsOf(sub, { name: `${age}`, iat: now - age }))
    await Promise.all(tokens.map((token) => hostUsers(server.running.services)(token)))
    expect((await userRow(sub))?.name).toBe('0')
  })

  test('ID7 a token that says it was issued far in the future does not keep later ones from being taken in', async () => {
    const sub = newId()
    await authenticate(sub, { role: 'admin', iat: now * 1000 })
    server.travel(120_000)
    expect((await authenticate(sub, { role: 'external', iat: now + 110 })).actor.role).toBe('external')
    server.travel(-120_000)
  })

  test('ID9 SEC-53 sessions of a person whose role has changed are named by recheck', async () => {
    const sub = newId()
    const before = await authenticate(sub, { role: 'admin', iat: now - 100 })
    const after = await authenticate(sub, { role: 'member', iat: now })
    expect(await identity.recheck([before, after])).toEqual(new Map([[before, 'expired']]))
  })

  test('ID7 an organization is not renamed back and forth by tokens of different age', async () => {
    const [old, fresh] = [newId(), newId()]
    const named = (name: string) => ({ organization: { id: 'pingpong', name, kind: 'partner' } })
    await authenticate(old, named('Before'))
    await authenticate(fresh, named('After'))
    await authenticate(old, named('Before'))
    expect((await userRow(old))?.organization).toBe('After')
  })
})

describe('credentials', () => {
  test('ID8 the bearer wins over the cookie, also when it is wrong', async () => {
    const { workspaceId, userId } = await identity.createUser({ workspace: 'w1', name: 'Own account', role: 'member' })
    const link = await identity.createSignInLink(workspaceId, userId)
    const { cookieValue: cookie } = await identity.signInWithLink({ token: link }, '127.0.0.1')
    const sub = newId()
    const session = await identity.authenticate({ bearer: await tokenOf(sub), cookie })
    expect(session).toMatchObject({ kind: 'token', actor: { userId: sub } })
    expect(await codeOf(identity.authenticate({ bearer: 'nonsense', cookie }))).toBe('unauthenticated')
    expect(await codeOf(identity.authenticate({}))).toBe('unauthenticated')
  })

  test('SEC-43 SEC-46 SEC-47 refused over HTTP and on the socket with the same body', async () => {
    const good = await tokenOf(newId())
    const [header, body, signature] = good.split('.')
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`
    const bad = [none, `${header}.${body}x.${signature}`, await tokenOf(newId(), {}, now - 90), '']
    const bodies = new Set<string>()
    for (const token of bad) {
      const request = requestOf('getMe', {})
      const answer = await sendRaw(server.url, { ...request, headers: { authorization: `Bearer ${token}` } })
      expect(answer.status).toBe(401)
      const { error } = JSON.parse(answer.text) as { error: { requestId?: string } }
      delete error.requestId
      bodies.add(JSON.stringify(error))
      await expect(openSocket(server.url, { token })).rejects.toThrow()
    }
    expect([...bodies]).toEqual(['{"code":"unauthenticated","message":"There is no valid session or token."}'])
  })

  test('ID13 SEC-49 a signed-out token is refused and its sockets close within a second', async () => {
    const token = await tokenOf(newId())
    const socket = await openSocket(server.url, { token })
    const headers = { authorization: `Bearer ${token}` }
    const out = requestOf('signOut', {})
    expect((await sendRaw(server.url, { ...out, headers: { ...out.headers, ...headers } })).status).toBe(200)
    await closesWithinASecond(socket)
    expect((await sendRaw(server.url, { ...requestOf('getMe', {}), headers })).status).toBe(401)
    await expect(openSocket(server.url, { token })).rejects.toThrow()
  })

  test('ID13 a token that was signed out is refused by a server that starts later, and cleared away once it has expired', async () => {
    const [sub, other] = [newId(), newId()]
    const [token, lasting] = [await tokenOf(sub), await tokenOf(other)]
    await identity.signOut(await identity.authenticate({ bearer: token }))
    await server.restart()
    identity = server.running.identity
    expect(await codeOf(identity.authenticate({ bearer: token }))).toBe('unauthenticated')
    expect(await codeOf(identity.authenticate({ bearer: lasting }))).toBe('ok')
    await server.database.query(`update ended_tokens set expires_at = now() - interval '1 second'`)
    await identity.signOut(await authenticate(other))
    expect(await server.database.query('select 1 from ended_tokens')).toHaveLength(1)
  })

  test('SEC-52 a deactivated user is refused with any token, and no token brings them back', async () => {
    const sub = newId()
    const session = await authenticate(sub, { name: 'Gone' })
    const socket = await openSocket(server.url, { token: await tokenOf(sub, { name: 'Gone' }) })
    await identity.deactivateUser({ workspaceId: 'w1', userId: sub })
    await closesWithinASecond(socket)
    expect(await codeOf(authenticate(sub, { name: 'Gone' }))).toBe('unauthenticated')
    expect(await codeOf(authenticate(sub, { name: 'Back', role: 'admin', iat: now }))).toBe('unauthenticated')
    expect(await userRow(sub)).toMatchObject({ name: 'Gone', role: 'external' })
    expect(await identity.recheck([session])).toEqual(new Map([[session, 'deactivated']]))
  })

  test('ID9 SEC-46 a token that ends while its socket is open is named by recheck', async () => {
    const session = await authenticate(newId())
    expect(await identity.recheck([session])).toEqual(new Map())
    server.travel(2 * 3600 * 1000)
    expect(await identity.recheck([session])).toEqual(new Map([[session, 'expired']]))
    server.travel(-2 * 3600 * 1000)
  })
})
