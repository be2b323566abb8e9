import { createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ParleyError } from '@parley/protocol'
import { type JWTHeaderParameters, SignJWT } from 'jose'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTokenVerifier, type TokenConfig } from './token.ts'

const now = Date.UTC(2026, 5, 1, 9)
const seconds = now / 1000
const secret = randomBytes(32).toString('base64url')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })

interface KeySet {
  readonly url: string
  keys: object[]
  status: number
  requests: string[]
  close(): void
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  })
}

async function serveKeys(): Promise<KeySet> {
  const set = { url: '', keys: [] as object[], status: 200, requests: [] as string[], close: () => void server.close() }
  const server = createServer((request, reply) => {
    set.requests.push(request.url ?? '')
    reply.writeHead(set.status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: set.keys }))
  })
  set.url = await listen(server)
  return set
}

function publicJwk({ publicKey }: { publicKey: KeyObject }, kid: string, alg: string): object {
  return { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
}

function verifierOf(config: TokenConfig, clock = () => now) {
  return createTokenVerifier(config, { clock, log: pino({ level: 'silent' }) })
}

type Key = string | KeyObject

function sign(key: Key, header: JWTHeaderParameters, claims: Record<string, unknown> = {}): Promise<string> {
  const bytes = typeof key === 'string' ? new TextEncoder().encode(key) : key
  return new SignJWT({ sub: 'u1', exp: seconds + 600, ...claims }).setProtectedHeader(header).sign(bytes)
}

const hs = (claims?: Record<string, unknown>) => sign(secret, { alg: 'HS256' }, claims)

function encode(part: object | string): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

async function refusal(config: TokenConfig, token: string): Promise<ParleyError> {
  try {
    await verifierOf(config).verify(token)
  } catch (error) {
    if (error instanceof ParleyError) return error
    throw error
  }
  throw new Error('the token was accepted')
}

async function expectRefused(config: TokenConfig, token: string): Promise<void> {
  const error = await refusal(config, token)
  expect({ code: error.code, message: error.message, details: error.details }).toEqual({
    code: 'unauthenticated',
    message: 'There is no valid session or token.',
    details: undefined,
  })
}

let keySet: KeySet
let both: TokenConfig

beforeAll(async () => {
  keySet = await serveKeys()
  keySet.keys = [publicJwk(rsa, 'r1', 'RS256'), publicJwk(ec, 'e1', 'ES256')]
  both = { secret, jwksUrl: `${keySet.url}/keys` }
})

afterAll(() => keySet.close())

describe('accepted', () => {
  test('ID3 a token that ends in milliseconds ends no later than every clock can tell', async () => {
    const { expiresAt } = await verifierOf({ secret }).verify(await hs({ exp: seconds * 1_000 }))
    expect(new Date(expiresAt).toISOString()).toMatch(/^9999-12-31/)
  })

  test('ID1 a minimal HS256 token is an external person of the default workspace', async () => {
    const { claims, expiresAt } = await verifierOf({ secret }).verify(await hs())
    expect(claims).toEqual({ sub: 'u1', exp: seconds + 600, iat: 0, workspace: 'default', role: 'external' })
    expect(expiresAt).toBe((seconds + 660) * 1000)
  })

  test('ID1 all claims are read, unknown ones ignored', async () => {
    const person = {
      workspace: 'w 1',
      name: ' Ana ',
      email: 'ana@example.com',
      avatarUrl: 'https://example.com/a.png',
      role: 'admin',
      organization: { id: 'o1', name: 'Own', kind: 'own' },
    }
    const { claims } = await verifierOf({ secret }).verify(await hs({ ...person, iat: seconds, scope: 'x' }))
    expect(claims).toEqual({ sub: 'u1', exp: seconds + 600, iat: seconds, ...person, name: 'Ana' })
  })

  test('ID2 RS256 and ES256 tokens verify against the key set, fetched once', async () => {
    keySet.requests = []
    const verifier = verifierOf(both)
    const tokens = [
      await sign(rsa.privateKey, { alg: 'RS256', kid: 'r1' }),
      await sign(ec.privateKey, { alg: 'ES256', kid: 'e1' }),
      await hs(),
    ]
    for (const token of tokens) expect((await verifier.verify(token)).claims.sub).toBe('u1')
    expect(keySet.requests).toEqual(['/keys'])
  })

  test('ID3 a verified token is remembered only until it ends', async () => {
    let time = now
    const verifier = verifierOf({ secret }, () => time)
    const token = await hs()
    await verifier.verify(token)
    time = now + 659_000
    await verifier.verify(token)
    time = now + 661_000
    await expect(verifier.verify(token)).rejects.toThrow(ParleyError)
  })
})

describe('refused, always with the same answer', () => {
  test.each(['none', 'None', 'NONE', 'nOnE', ''])('SEC-43 alg %j', async (alg) => {
    const body = encode({ sub: 'u1', exp: seconds + 600 })
    const [, , signature] = (await hs()).split('.')
    for (const end of ['', signature ?? '']) await expectRefused(both, `${encode({ alg })}.${body}.${end}`)
  })

  test('SEC-43 algorithms that are not pinned, even with the right key', async () => {
    for (const alg of ['HS384', 'HS512']) await expectRefused(both, await sign(secret, { alg }))
    for (const alg of ['RS384', 'PS256']) await expectRefused(both, await sign(rsa.privateKey, { alg, kid: 'r1' }))
  })

  test('SEC-44 HS256 signed with any text of the public key', async () => {
    const spki = rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()
    const pkcs1 = rsa.publicKey.export({ format: 'pem', type: 'pkcs1' }).toString()
    const texts = [spki, spki.trim(), spki.replaceAll('\n', '\r\n'), pkcs1, pkcs1.trim()]
    texts.push(JSON.stringify(rsa.publicKey.export({ format: 'jwk' })), JSON.stringify(keySet.keys[0]))
    for (const config of [both, { jwksUrl: both.jwksUrl ?? '' }]) {
      for (const text of texts) {
        await expectRefused(config, await sign(text, { alg: 'HS256' }))
        await expectRefused(config, await sign(text, { alg: 'HS256', kid: 'r1' }))
      }
    }
  })

  test('SEC-44 RS256 and ES256 where only a secret is configured', async () => {
    await expectRefused({ secret }, await sign(rsa.privateKey, { alg: 'RS256', kid: 'r1' }))
    await expectRefused({ secret }, await sign(ec.privateKey, { alg: 'ES256', kid: 'e1' }))
  })

  test('SEC-45 keys a token brings along are not used, and nothing is fetched', async () => {
    const canary = await serveKeys()
    canary.keys = [publicJwk(otherRsa, 'r1', 'RS256')]
    const headers: Record<string, unknown>[] = [
      { jku: `${canary.url}/jku` },
      { x5u: `${canary.url}/x5u` },
      { jwk: publicJwk(otherRsa, 'r1', 'RS256') },
      { jku: `${canary.url}/crit`, crit: ['jku'] },
    ]
    for (const header of headers) {
      for (const kid of ['r1', 'unknown']) {
        const parts = `${encode({ alg: 'RS256', kid, ...header })}.${encode({ sub: 'u1', exp: seconds + 600 })}`
        const signature = createSign('sha256').update(parts).sign(otherRsa.privateKey).toString('base64url')
        await expectRefused(both, `${parts}.${signature}`)
      }
    }
    expect(canary.requests).toEqual([])
    canary.close()
  })

  test.each(['../../../../dev/null', "r1' or '1'='1", 'r2', '\u0000', ''])('SEC-45 kid %j', async (kid) => {
    await expectRefused(both, await sign(otherRsa.privateKey, { alg: 'RS256', kid }))
  })

  test('SEC-46 outside of its time, a minute of tolerance granted', async () => {
    await expectRefused({ secret }, await hs({ exp: seconds - 61 }))
    await expectRefused({ secret }, await hs({ nbf: seconds + 61 }))
    await expectRefused({ secret }, await hs({ exp: undefined }))
    await expectRefused({ secret }, await hs({ exp: String(seconds + 600) }))
    await verifierOf({ secret }).verify(await hs({ exp: seconds - 58, nbf: seconds + 58 }))
  })

  test('SEC-46 wrong issuer or audience, or none, where they are asked for', async () => {
    const config = { secret, issuer: 'https://host.example', audience: 'parley' }
    await verifierOf(config).verify(await hs({ iss: 'https://host.example', aud: ['x', 'parley'] }))
    const wrong = [
      {},
      { iss: 'https://host.example' },
      { aud: 'parley' },
      { iss: 'https://evil.example', aud: 'parley' },
    ]
    for (const claims of wrong) await expectRefused(config, await hs(claims))
    await expectRefused(config, await hs({ iss: 'https://host.example', aud: 'refresh' }))
  })

  test('SEC-47 changed claims, cut signatures, two tokens in one', async () => {
    const token = await hs({ role: 'external' })
    const [header = '', , signature = ''] = token.split('.')
    const raised = encode({ sub: 'u1', exp: seconds + 600, role: 'admin' })
    const broken = [
      `${header}.${raised}.${signature}`,
      token.slice(0, -1),
      token.slice(0, token.lastIndexOf('.')),
      `${header}.${raised}.`,
      `${token}.${token}`,
      `${token}${token}`,
      ` ${token}`,
      '',
      '...',
      'x'.repeat(10_000),
    ]
    for (const value of broken) await expectRefused(both, value)
    await expectRefused({ secret }, await sign(randomBytes(32).toString('hex'), { alg: 'HS256' }))
    await expectRefused({}, token)
  })

  test.each([
    { sub: undefined },
    { sub: '' },
    { sub: 7 },
    { sub: 'a\nb' },
    { sub: 'x'.repeat(129) },
    { sub: '\ud800' },
    { workspace: '' },
    { workspace: ['w1'] },
    { workspace: null },
    { role: 'owner' },
    { role: ['admin'] },
    { name: 'x'.repeat(121) },
    { name: 'two\nlines' },
    { email: 'no address' },
    { avatarUrl: 'javascript:alert(1)' },
    { avatarUrl: 'data:image/png;base64,AA==' },
    { avatarUrl: '/relative.png' },
    { organization: 'o1' },
    { organization: { id: 'o1', name: 'O' } },
    { organization: { id: 'o1', name: 'O', kind: 'enemy' } },
    { organization: { $ne: '' } },
  ])('ID4 claims of the wrong form: %j', async (claims) => {
    await expectRefused({ secret }, await hs(claims))
  })

  test('ID13 SEC-49 a token that was signed out', async () => {
    const verifier = verifierOf({ secret })
    const token = await hs()
    verifier.end((await verifier.verify(token)).key)
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      const variant = `${token.slice(0, -1)}${last}`
      await expect(verifier.verify(variant)).rejects.toMatchObject({ code: 'unauthenticated' })
    }
    await verifier.verify(await hs({ exp: seconds + 601 }))
  })
})

describe('key set', () => {
  test('ID5 one that cannot be fetched is our trouble, not the caller’s', async () => {
    const away = await serveKeys()
    const token = await sign(rsa.privateKey, { alg: 'RS256', kid: 'r1' })
    away.status = 500
    const config = { jwksUrl: `${away.url}/keys` }
    expect(await refusal(config, token)).toMatchObject({ code: 'unavailable', details: { retryAfter: 5 } })
    away.close()
    expect(await refusal(config, token)).toMatchObject({ code: 'unavailable' })
  })

  test('ID5 it serves again as soon as it is back', async () => {
    const set = await serveKeys()
    const verifier = verifierOf({ jwksUrl: `${set.url}/keys` })
    const token = await sign(rsa.privateKey, { alg: 'RS256', kid: 'r1' })
    set.status = 503
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'unavailable' })
    set.status = 200
    set.keys = [publicJwk(rsa, 'r1', 'RS256')]
    await verifier.verify(token)
    set.close()
  })
})
