import { type ErrorBody, routes } from '@parley/protocol'
import {
  type People,
  people,
  person,
  type RawAnswer,
  say,
  sendRaw,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestText, tell } from './attacks-wire.ts'

const password = 'correct-horse-battery'
const json = { 'content-type': 'application/json' }

let server: TestServer
let all: People
let cookie: string

beforeAll(async () => {
  server = await startTestServer({ allowedOrigins: ['https://app.example.com'] })
  all = await people(server)
  const { identity } = server.running
  await identity.createUser({ id: 'olga', name: 'Olga', email: 'olga@example.com', role: 'member', password })
  const answer = await post('/api/auth/sign-in', { headers: json, body: { email: 'olga@example.com', password } })
  cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? ''
})

afterAll(() => server.close())

interface Given {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

function post(path: string, { headers = {}, body }: Given): Promise<RawAnswer> {
  return sendRaw(server.url, { method: 'POST', path, headers, ...(body ? { body: JSON.stringify(body) } : {}) })
}

function codeOf({ text }: Pick<RawAnswer, 'text'>): string {
  return (JSON.parse(text) as ErrorBody).error.code
}

const foreign = { origin: 'https://evil.example.com', 'sec-fetch-site': 'same-site' }
const spelled = ['/api/auth/sign-out', '/%61pi/auth/sign-out', '/%61%70%69/auth/sign-out', '/api/%61uth/sign-out']

describe('pages of others', () => {
  test.each(spelled)('SEC-63 the session is not used from a foreign page, by whatever spelling: %s', async (path) => {
    const answer = await post(path, { headers: { ...json, ...foreign, cookie }, body: {} })
    expect([answer.status, codeOf(answer)]).toEqual([403, 'forbidden'])
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('SEC-63 nor by a request line that names the server', async () => {
    const headers = Object.entries({ ...json, ...foreign, cookie }).map(([name, value]) => `${name}: ${value}`)
    const absolute = requestText('POST', `${server.url}/api/auth/sign-out`, [...headers, 'content-length: 2'], '{}')
    const { statuses } = await tell(server.url, absolute)
    expect(statuses).toEqual([403])
  })

  test.each(['Basic dTpw', 'bearer', 'x', 'Bearer'])(
    'SEC-63 nor beside another authorization: %s',
    async (authorization) => {
      const headers = { ...json, ...foreign, cookie, authorization }
      const answer = await post('/api/auth/sign-out', { headers, body: {} })
      expect([answer.status, codeOf(answer)]).toEqual([403, 'forbidden'])
    },
  )

  test('SEC-65 who has a proxy that asks for a password goes on with the session', async () => {
    const headers = { cookie, authorization: 'Basic dTpw' }
    expect((await sendRaw(server.url, { method: 'GET', path: '/api/me', headers })).status).toBe(200)
  })

  test('ID8 a token counts however its kind is spelled, and the cookie beside it does not', async () => {
    const headers = { cookie, authorization: `bearer ${all.alice.token}` }
    const answer = await sendRaw(server.url, { method: 'GET', path: '/api/me', headers })
    expect(JSON.parse(answer.text).user.id).toBe('alice')
    const none = await sendRaw(server.url, {
      method: 'GET',
      path: '/api/me',
      headers: { cookie, authorization: 'bearer x' },
    })
    expect(none.status).toBe(401)
  })

  test('SEC-64 nobody is signed in from a foreign page', async () => {
    const token = await server.running.identity.createSignInLink('default', 'olga')
    const attempts = [
      post('/api/auth/sign-in', { headers: { ...json, ...foreign }, body: { email: 'olga@example.com', password } }),
      post('/api/auth/link', { headers: { ...json, ...foreign }, body: { token } }),
    ]
    for (const answer of await Promise.all(attempts)) {
      expect([answer.status, answer.headers.has('set-cookie')]).toEqual([403, false])
    }
  })
})

const bodied = Object.entries(routes).filter(([, route]) => /^(POST|PATCH)/.test(route))

test.each(bodied)('SEC-61 %s takes nothing from the query', async (_, route) => {
  const [method = '', template = ''] = route.split(' ')
  const path = `${template.replaceAll(/:\w+/g, 'x')}?email=olga@example.com&password=${password}&text=x`
  const headers = { ...json, authorization: `Bearer ${all.alice.token}` }
  const answer = await sendRaw(server.url, { method, path, headers, body: '{}' })
  expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid'])
  expect(answer.headers.has('set-cookie')).toBe(false)
})

test('SEC-71 nobody hands out history that he does not see', async () => {
  const { id } = (await startConversation(all.alice, [all.bob])).conversation
  const { role, workspace, organization } = all.carol
  const carl = await person(server, { id: 'carl', role, workspace, ...(organization ? { organization } : {}) })
  await say(all.alice, id, 'before carol')
  await all.alice.call('addParticipant', { conversationId: id, userId: 'carol', role: 'owner', history: 'none' })
  await say(all.alice, id, 'after carol')
  await all.carol.call('addParticipant', { conversationId: id, userId: 'carl', history: 'all' })
  const { items } = await carl.call('listMessages', { conversationId: id })
  const texts = items.map(({ text }) => text)
  expect(texts).toContain('after carol')
  expect(texts).not.toContain('before carol')
})
