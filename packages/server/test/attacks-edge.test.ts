import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type ErrorBody, isErrorCode, operations } from '@parley/protocol'
import {
  newKey,
  newMark,
  type People,
  people,
  type RawAnswer,
  sendRaw,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestText, tell } from './attacks-wire.ts'

const built = existsSync(join(import.meta.dirname, '../../../apps/web/dist/index.html'))
const hostOrigin = 'https://app.example.com'
const password = 'correct-horse-battery'

let server: TestServer
let all: People
let cookie: string

beforeAll(async () => {
  server = await startTestServer({ allowedOrigins: [hostOrigin] })
  all = await people(server)
  await server.running.identity.createUser({
    id: 'olga',
    name: 'Olga',
    email: 'olga@example.com',
    role: 'member',
    password,
  })
  const answer = await post('/api/auth/sign-in', { email: 'olga@example.com', password })
  cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? ''
})

afterAll(() => server.close())

const json = { 'content-type': 'application/json' }

function get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
  return sendRaw(server.url, { method: 'GET', path, headers })
}

function post(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
  return sendRaw(server.url, { method: 'POST', path, headers: { ...json, ...headers }, body: JSON.stringify(body) })
}

function codeOf({ text }: Pick<RawAnswer, 'text'>): string {
  return (JSON.parse(text) as ErrorBody).error.code
}

/** The server answers others as ever. */
async function expectWell(): Promise<void> {
  expect((await get('/healthz')).status).toBe(200)
  expect((await all.alice.callRaw('getMe', {})).status).toBe(200)
}

const everyApiAnswer = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'content-type': 'application/json; charset=utf-8',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  vary: 'Origin',
  'x-content-type-options': 'nosniff',
}

describe('headers', () => {
  test.each([
    ['an answer', 200, () => all.alice.callRaw('getMe', {})],
    ['no session', 401, () => get('/api/me')],
    ['nothing there', 404, () => get('/api/nothing')],
    ['a conversation that is not', 404, () => all.alice.callRaw('getConversation', { conversationId: newMark() })],
    [
      'broken JSON',
      400,
      () => sendRaw(server.url, { method: 'POST', path: '/api/auth/sign-in', headers: json, body: '{' }),
    ],
    ['another type', 415, () => post('/api/auth/sign-in', {}, { 'content-type': 'text/plain' })],
    ['a foreign page', 403, () => post('/api/auth/sign-out', {}, { cookie, origin: 'https://evil.example' })],
    ['a path that cannot be decoded', 400, () => get('/api/messaging/conversations/%E0%A4%A')],
    ['a path that is too long', 400, () => get(`/api/messaging/conversations/${'x'.repeat(600)}`)],
  ])('SEC-123 the API carries its headers with %s', async (_title, status, ask) => {
    const answer = await ask()
    expect(answer.status, answer.text).toBe(status)
    expect(Object.fromEntries(answer.headers)).toMatchObject(everyApiAnswer)
    expect(answer.headers.has('access-control-allow-origin')).toBe(false)
    expect(answer.headers.has('server')).toBe(false)
    expect(answer.headers.has('x-powered-by')).toBe(false)
    if (status >= 400) expect(isErrorCode(codeOf(answer)), answer.text).toBe(true)
  })

  test.runIf(built).each(['/', '/conversations/x', '/theme.js'])(
    'SEC-108 the page %s can be framed by nobody and runs its own scripts only',
    async (path) => {
      const answer = await get(path)
      expect(answer.status).toBe(200)
      const policy = answer.headers.get('content-security-policy') ?? ''
      for (const part of [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
        "form-action 'self'",
        "require-trusted-types-for 'script'",
        "connect-src 'self'",
      ]) {
        expect(policy.split('; ')).toContain(part)
      }
      expect(policy).not.toContain('unsafe')
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      })
      expect(answer.headers.get('permissions-policy')).toContain('camera=()')
    },
  )

  test.runIf(built)('SEC-108 who asks for the head of the page only gets it', async () => {
    const answer = await sendRaw(server.url, { method: 'HEAD', path: '/' })
    expect([answer.status, answer.text]).toEqual([200, ''])
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
  })

  test.runIf(built)('SEC-108 the page has a nonce of its own each time, for the styles it adds', async () => {
    const nonces = await Promise.all(
      ['/', '/', '/inbox'].map(async (path) => {
        const { headers, text } = await get(path)
        const [, nonce = 'none'] = /'nonce-([\w-]+)'/.exec(headers.get('content-security-policy') ?? '') ?? []
        expect(text).toContain(`<meta property="csp-nonce" nonce="${nonce}">`)
        return nonce
      }),
    )
    expect(new Set(nonces).size).toBe(3)
  })
})

describe('cross-origin', () => {
  const strangers = [
    'https://evil.example',
    'null',
    `${hostOrigin}.evil.example`,
    'https://evilapp.example.com',
    'https://app.example.com:8443',
    'http://app.example.com',
    'https://app.example.com/',
    'HTTPS://APP.EXAMPLE.COM',
    'https://app.example.com, https://evil.example',
  ]

  test.each(strangers)('SEC-109 %s is allowed nothing', async (origin) => {
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
    const plain = await get('/api/me', { origin })
    const preflight = await sendRaw(server.url, { method: 'OPTIONS', path: '/api/me', headers: { origin, ...asked } })
    for (const { headers } of [plain, preflight]) {
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
      expect(headers.get('vary')).toContain('Origin')
    }
  })

  test('SEC-109 a listed origin may come with a token, after a preflight, never with cookies', async () => {
    const headers = { origin: hostOrigin, 'access-control-request-method': 'PATCH' }
    const preflight = await sendRaw(server.url, { method: 'OPTIONS', path: '/api/me', headers })
    expect(preflight.status).toBe(204)
    const answer = await get('/api/me', { origin: hostOrigin, authorization: `Bearer ${all.alice.token}` })
    expect(answer.status).toBe(200)
    for (const { headers: got } of [preflight, answer]) {
      expect(got.get('access-control-allow-origin')).toBe(hostOrigin)
      expect(got.get('access-control-expose-headers')).toBe('retry-after')
      expect(got.has('access-control-allow-credentials')).toBe(false)
      expect(got.get('vary')).toContain('Origin')
    }
    expect(Number(preflight.headers.get('access-control-max-age'))).toBeLessThanOrEqual(600)
    expect((await get('/api/me', { origin: hostOrigin, cookie })).status).toBe(403)
  })

  test.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['no origin of its own', { origin: 'null' }],
    ['a listed origin', { origin: hostOrigin }],
    ['the word of the browser alone', { 'sec-fetch-site': 'cross-site' }],
  ])('SEC-63 a page of %s cannot use the session', async (_title, headers) => {
    for (const [method, path] of [
      ['GET', '/api/me'],
      ['POST', '/api/auth/sign-out'],
      ['POST', '/api/messaging/conversations'],
    ] as const) {
      const body = method === 'GET' ? {} : { body: '{}' }
      const answer = await sendRaw(server.url, { method, path, headers: { ...json, ...headers, cookie }, ...body })
      expect(answer.status, `${method} ${path}`).toBe(403)
    }
    expect((await get('/api/me', { cookie })).status).toBe(200)
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json-seq',
    'text/json',
  ])('SEC-63 a form cannot stand in for JSON: %s', async (type) => {
    const sent = { kind: 'internal', participants: [], clientKey: newKey() }
    const answer = await post('/api/messaging/conversations', sent, { cookie, 'content-type': type })
    expect(answer.status).toBe(415)
  })

  test('SEC-63 a body without a type is no JSON', async () => {
    const body = JSON.stringify({ kind: 'internal', participants: [] })
    const headers = [`cookie: ${cookie}`, `content-length: ${body.length}`, 'connection: close']
    const heard = await tell(server.url, requestText('POST', '/api/messaging/conversations', headers, body))
    expect(heard.statuses).toEqual([415])
  })

  test('SEC-63 nothing is done by GET, and no header or field turns one method into another', async () => {
    const { conversation } = await startConversation(all.alice, [all.bob], { subject: 'kept' })
    const path = `/api/messaging/conversations/${conversation.id}/participants/bob`
    const authorization = `Bearer ${all.alice.token}`
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
      const answer = await post(path, { _method: 'DELETE' }, { authorization, [name]: 'DELETE' })
      expect(answer.status, name).toBe(404)
      expect((await get(`${path}?_method=DELETE`, { authorization, [name]: 'DELETE' })).status).toBe(404)
    }
    for (const { method, path: pattern } of Object.values(operations).filter((one) => one.method === 'GET')) {
      expect(pattern, method).not.toMatch(/sign-|delete|remove|update|edit|mark/)
    }
    const { items } = await all.alice.call('listParticipants', { conversationId: conversation.id })
    expect(items).toHaveLength(2)
  })
})

describe('cookies', () => {
  test.each([
    '%E0%A4%A',
    '%',
    '%00',
    '"',
    '',
    'a.b',
    `${'x'.repeat(5000)}`,
    '../../etc',
    'undefined',
    '%F0%9F%92%A9.x',
  ])('SEC-83 the session cookie %j is no session, and no fault of ours', async (value) => {
    for (const name of ['parley_session', '__Host-parley']) {
      const heard = await tell(
        server.url,
        requestText('GET', '/api/me', [`cookie: ${name}=${value}`, 'connection: close']),
      )
      expect(heard.statuses).toEqual([401])
      expect(heard.text).toContain('"unauthenticated"')
    }
  })

  test('SEC-62 behind https the cookie is __Host-, Secure, HttpOnly, Lax, without a domain', async () => {
    const secure = await startTestServer({ publicUrl: 'https://chat.example.com' })
    try {
      await secure.running.identity.createUser({ name: 'Pat', email: 'pat@example.com', role: 'member', password })
      const body = JSON.stringify({ email: 'pat@example.com', password })
      const answer = await sendRaw(secure.url, { method: 'POST', path: '/api/auth/sign-in', headers: json, body })
      const parts = (answer.headers.get('set-cookie') ?? '').split('; ')
      expect(parts[0]).toMatch(/^__Host-parley=/)
      expect(parts).toEqual(expect.arrayContaining(['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']))
      expect(parts.join(' ')).not.toMatch(/domain/i)
      const own = { ...json, cookie: parts[0] ?? '', origin: 'https://chat.example.com' }
      const forged = { ...own, origin: secure.url, host: 'chat.example.com' }
      expect((await sendRaw(secure.url, { method: 'GET', path: '/api/me', headers: own })).status).toBe(200)
      expect((await sendRaw(secure.url, { method: 'GET', path: '/api/me', headers: forged })).status).toBe(403)
    } finally {
      await secure.close()
    }
  })
})

describe('bodies', () => {
  test.each(['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip'])(
    'SEC-115 a body packed as %s is refused unopened',
    async (encoding) => {
      const packed = gzipSync(JSON.stringify({ email: 'x'.repeat(200_000_000 / 1000), password: 'x' }))
      const headers = { ...json, 'content-encoding': encoding }
      const answer = await sendRaw(server.url, {
        method: 'POST',
        path: '/api/auth/sign-in',
        headers,
        body: new Uint8Array(packed),
      })
      expect(answer.status).toBe(415)
      expect(codeOf(answer)).toBe('unsupported_media_type')
    },
  )

  test('SEC-111 a body above 256 kB is refused, announced or not', async () => {
    const big = JSON.stringify({ email: 'x'.repeat(300_000), password: 'x' })
    const answer = await sendRaw(server.url, { method: 'POST', path: '/api/auth/sign-in', headers: json, body: big })
    expect([answer.status, codeOf(answer)]).toEqual([413, 'too_large'])
    const announced = ['content-type: application/json', 'content-length: 10000000000']
    expect((await tell(server.url, requestText('POST', '/api/auth/sign-in', announced, '{'))).statuses).toEqual([413])
    const chunked = ['content-type: application/json', 'transfer-encoding: chunked']
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(5)
    expect((await tell(server.url, requestText('POST', '/api/auth/sign-in', chunked, chunk))).statuses).toEqual([413])
    await expectWell()
  })
})

describe('the wire', () => {
  const me = '/api/me'
  const post2 = '/api/auth/sign-in'
  const type = 'content-type: application/json'
  const smuggled = requestText('GET', '/healthz', [])
  const cases: readonly (readonly [string, string, readonly number[]])[] = [
    [
      'length and chunks together',
      requestText('POST', post2, [type, 'content-length: 4', 'transfer-encoding: chunked'], `0\r\n\r\n${smuggled}`),
      [400],
    ],
    [
      'two lengths',
      requestText('POST', post2, [type, 'content-length: 2', 'content-length: 40'], `{}${smuggled}`),
      [400],
    ],
    ['two lengths in one line', requestText('POST', post2, [type, 'content-length: 2, 2'], `{}${smuggled}`), [400]],
    ['a length with a sign', requestText('POST', post2, [type, 'content-length: +2'], `{}${smuggled}`), [400]],
    ['a negative length', requestText('POST', post2, [type, 'content-length: -1'], '{}'), [400]],
    [
      'chunks spelled otherwise',
      requestText('POST', post2, [type, 'transfer-encoding: xchunked'], `{}${smuggled}`),
      [400],
    ],
    ['a space before the colon', requestText('POST', post2, [type, 'content-length : 2'], `{}${smuggled}`), [400]],
    ['a folded header', requestText('GET', me, ['x-a: 1', ' transfer-encoding: chunked']), [400]],
    [
      'a chunk of no size',
      requestText('POST', post2, [type, 'transfer-encoding: chunked'], 'zz\r\n{}\r\n0\r\n\r\n'),
      [400],
    ],
    ['bare line feeds', `GET ${me} HTTP/1.1\nhost: test\n\n`, [400]],
    ['a NUL in a header', requestText('GET', me, ['x-a: a\u0000b']), [400]],
    ['no host', `GET ${me} HTTP/1.1\r\n\r\n`, [400]],
    ['another protocol', 'GET / HTTP/9.9\r\nhost: test\r\n\r\n', [400]],
    ['a method nobody knows', requestText('BREW', me, []), [400]],
    ['64 KB of headers', requestText('GET', me, [`x-a: ${'a'.repeat(65_536)}`]), [431]],
    [
      '5,000 headers',
      requestText(
        'GET',
        me,
        Array.from({ length: 5_000 }, (_, index) => `x-${index}: a`),
      ),
      [431],
    ],
    ['a URL of 8 KB', requestText('GET', `${me}?a=${'a'.repeat(8_192)}`, ['connection: close']), [400]],
    ['bytes that are no HTTP', '\u0016\u0003\u0001\u0002\u0000\u0001', [400]],
  ]

  test.each(cases)('SEC-154 %s', async (_title, bytes, statuses) => {
    const heard = await tell(server.url, bytes)
    expect(heard.statuses, heard.text).toEqual(statuses)
    expect(heard.text).not.toContain('"ok"')
    expect(heard.ended).toBe(true)
    await expectWell()
  })

  test.each(['TRACE', 'TRACK', 'CONNECT', 'PROPFIND', 'PUT', 'HEAD'])(
    'SEC-139 the method %s does nothing',
    async (method) => {
      const heard = await tell(
        server.url,
        requestText(method, me, ['x-echo: echoed', `authorization: Bearer ${all.alice.token}`, 'connection: close']),
      )
      expect(
        heard.statuses.every((status) => status === 400 || status === 404 || status === 405 || method === 'HEAD'),
        heard.text,
      ).toBe(true)
      expect(heard.text).not.toContain('echoed')
      expect(heard.text).not.toContain('Alice')
      await expectWell()
    },
  )

  test('SEC-86 whoever sends headers slowly is cut off within 15 s, and keeps nobody waiting', async () => {
    const slow = Array.from({ length: 200 }, () =>
      tell(server.url, 'GET /api/me HTTP/1.1\r\nhost: test\r\nx-a: ', 25_000),
    )
    const before = performance.now()
    await expectWell()
    expect(performance.now() - before).toBeLessThan(1_000)
    for (const heard of await Promise.all(slow)) expect(heard.ended).toBe(true)
    expect(performance.now() - before).toBeLessThan(20_000)
  })
})

describe('what is not for everybody', () => {
  const hidden = [
    '.env .env.local .git/HEAD .git/config .svn/entries .hg/store .DS_Store .npmrc .ssh/id_rsa package.json package-lock.json tsconfig.json',
    'node_modules/zod/package.json Dockerfile docker-compose.yml config.json secret data/secret backup.sql dump.sql server.ts src/main.ts',
    'admin.php wp-login.php phpinfo.php server-status.txt id_rsa.pem .well-known/security.json api api/ api/admin api/debug api/env api/config',
    'api/users api/v1/users api/sessions api/actuator/health api/internal api/graphql api/swagger.json api/debug/pprof api/metrics api/health',
    'api/docs/../../package.json api/docs/static/../../../package.json assets/../../package.json assets/%2e%2e/%2e%2e/package.json theme.js.map',
    '.aws/credentials .htaccess .vscode/settings.json web.config WEB-INF/web.xml console trace debug/vars cgi-bin/test',
    'assets/index.js.map assets/..%2f..%2fpackage.json %2e%2e/package.json ..%5c..%5cpackage.json socket.io/socket.io.js api/docs/static/x.map',
  ].flatMap((line) => line.split(' '))

  test('SEC-139 none of many paths where others keep secrets tells anything', async () => {
    expect(hidden.length).toBeGreaterThan(60)
    for (const path of hidden) {
      const heard = await tell(server.url, requestText('GET', `/${path}`, ['connection: close']))
      const page = heard.statuses[0] === 200 && heard.text.includes('<title>Messages</title>')
      expect(page || [400, 403, 404].includes(heard.statuses[0] ?? 0), `${path}: ${heard.text.slice(0, 300)}`).toBe(
        true,
      )
      expect(heard.text, path).not.toMatch(/"dependencies"|"version"|node_modules|sourceMappingURL|at \S+ \(/)
    }
  })

  test('SEC-137 an error tells its code and the request, and nothing of what we are made of', async () => {
    const away = await databaseTakenAway()
    const answers = [
      away,
      await get('/api/nothing'),
      await get('/api/messaging/conversations/%E0%A4%A'),
      await sendRaw(server.url, { method: 'POST', path: '/api/auth/sign-in', headers: json, body: '{"a":' }),
    ]
    for (const { text } of answers) {
      const { error } = JSON.parse(text) as ErrorBody
      expect(Object.keys(error).sort()).toEqual(['code', 'message', 'requestId'])
      expect(text).not.toMatch(/select|postgres|sql|node:|\.ts|\.js|\/|stack|fastify|FST_|zod|SyntaxError|position/i)
    }
  })
})

/** The answer of a server that lost its database, to somebody who is known. */
async function databaseTakenAway(): Promise<RawAnswer> {
  const other = await startTestServer()
  const { alice } = await people(other)
  await other.running.services.db.close()
  const answer = await alice.callRaw('listConversations', {})
  await other.close().catch(() => undefined)
  return answer
}
