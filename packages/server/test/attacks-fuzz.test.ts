import { randomInt } from 'node:crypto'
import { commands, type ErrorBody, isErrorCode, type OperationName, operations } from '@parley/protocol'
import {
  openRawAs,
  type People,
  type Person,
  people,
  type RawRequest,
  type RawSocket,
  requestOf,
  type Seeded,
  say,
  seeded,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { validInputs } from './attacks-inputs.ts'
import { requestText, tell } from './attacks-wire.ts'

const seed = Number(process.env.SEED ?? randomInt(2 ** 32))
const requests = 7_000
const frames = 2_500
const rawRequests = 500

let server: TestServer
let all: People
let at: { readonly conversationId: string; readonly messageId: string }

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  const message = await say(all.alice, conversation.id, 'x')
  at = { conversationId: conversation.id, messageId: message.id }
})

afterAll(() => server.close())

const strange: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  '',
  ' ',
  '0',
  'x\u0000y',
  '\ud800',
  '\u202e\u200b',
  "'; drop table messages; --",
  '%00',
  '../../',
  '🙂'.repeat(600),
  'x'.repeat(5_000),
  [],
  [[]],
  {},
  { $ne: 1 },
  { length: 1e9 },
  { toJSON: 1 },
]

const names = [
  'id',
  'senderId',
  'constructor',
  'toString',
  'seq',
  'limit',
  'cursor',
  'ids',
  'q',
  'audience',
  'role',
  '__proto__',
  '',
]

function bendText(chance: Seeded, text: string): string {
  const units = [...text]
  for (let turns = 1 + chance.below(3); turns > 0; turns -= 1) {
    const place = chance.below(units.length + 1)
    units.splice(
      place,
      chance.below(3),
      String.fromCharCode(chance.chance(70) ? chance.below(128) : chance.below(65_536)),
    )
  }
  return units.join('')
}

function bendValue(chance: Seeded, value: unknown): unknown {
  if (typeof value === 'string' && chance.chance(40)) return bendText(chance, value)
  if (typeof value === 'object' && value !== null && chance.chance(50)) return bend(chance, { ...value })
  return chance.pick(strange)
}

/** An object with one field changed, taken away or too many. */
function bend(chance: Seeded, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const bent: Record<string, unknown> = { ...fields }
  const field = chance.pick(Object.keys(bent)) ?? 'x'
  if (chance.chance(15)) delete bent[field]
  else if (chance.chance(20)) bent[chance.pick(names) ?? 'x'] = chance.pick(strange)
  else bent[field] = bendValue(chance, bent[field])
  return bent
}

function bentInput(chance: Seeded, name: OperationName): Record<string, unknown> {
  let input: Record<string, unknown> = { ...validInputs(at)[name] }
  for (let turns = chance.below(3); turns > 0; turns -= 1) input = bend(chance, input)
  return input
}

function asText(value: unknown): string {
  return String(typeof value === 'object' ? JSON.stringify(value) : value).toWellFormed()
}

/** The request of an operation, bent in its fields and perhaps in its path, body, method or headers. */
function bentRequest(chance: Seeded): { name: OperationName; request: RawRequest } {
  const name = chance.pick((Object.keys(operations) as OperationName[]).filter((one) => one !== 'signOut')) ?? 'getMe'
  const input = bentInput(chance, name)
  const { params, method: own } = operations[name]
  for (const field of own === 'GET' || own === 'DELETE' ? Object.keys(input) : params)
    input[field] = asText(input[field])
  const request = requestOf(name, input as never)
  const headers: Record<string, string> = { ...request.headers }
  if (chance.chance(3))
    headers['content-type'] =
      chance.pick(['text/plain', 'application/xml', 'application/json; charset=latin1', ';']) ?? ''
  if (chance.chance(3)) headers['content-encoding'] = chance.pick(['gzip', 'br', 'x']) ?? ''
  if (chance.chance(3)) headers.authorization = `Bearer ${bendText(chance, all.alice.token).replace(/[^!-~]/g, '')}`
  const path = chance.chance(5) ? bendText(chance, request.path).replace(/[^!-~]|#/g, '') : request.path
  const { body } = request
  const bentBody = typeof body === 'string' && chance.chance(10) ? bendText(chance, body).toWellFormed() : body
  const method = chance.chance(2)
    ? (chance.pick(['PUT', 'OPTIONS', 'HEAD', 'POST', 'DELETE']) ?? 'PUT')
    : request.method
  const bodied = bentBody !== undefined && method !== 'HEAD' && method !== 'GET'
  return {
    name,
    request: { method, path: path.startsWith('/') ? path : `/${path}`, headers, ...(bodied ? { body: bentBody } : {}) },
  }
}

async function attack(who: Person, chance: Seeded): Promise<number> {
  const { name, request } = bentRequest(chance)
  const { status, text, headers } = await who.send(request)
  const told = `SEED=${seed} ${name}: ${JSON.stringify(request)} answered ${status} ${text.slice(0, 300)}`
  if (status >= 500) throw new Error(told)
  if (status < 400 || request.method === 'HEAD' || !request.path.startsWith('/api/')) return status
  const { error } = JSON.parse(text) as ErrorBody
  if (!isErrorCode(error.code) || headers.get('cache-control') !== 'no-store') throw new Error(told)
  return status
}

async function expectWell(): Promise<void> {
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  const socket = await all.bob.online()
  expect(await all.alice.callRaw('getConversation', { conversationId: at.conversationId })).toMatchObject({
    status: 200,
  })
  socket.close()
}

test(`SEC-98 ${requests} bent requests (SEED=${seed}) get no 5xx, and errors of the table only`, async () => {
  const chance = seeded(seed)
  const actors = [all.alice, all.carol, all.eve, all.mallory]
  const statuses = new Map<number, number>()
  for (let sent = 0; sent < requests; sent += 50) {
    const group = Array.from({ length: 50 }, (_, index) => attack(actors[index % actors.length] ?? all.alice, chance))
    for (const status of await Promise.all(group)) statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  for (const status of [200, 400, 401, 404]) expect(statuses.get(status) ?? 0, String(status)).toBeGreaterThan(10)
  await expectWell()
}, 120_000)

function bentCommand(chance: Seeded): string {
  const inputs: Readonly<Record<keyof typeof commands, object>> = {
    resume: { epoch: null, cursors: { [at.conversationId]: 1 } },
    'send-message': validInputs(at).sendMessage,
    'start-typing': { conversationId: at.conversationId, audience: 'everyone' },
    'stop-typing': { conversationId: at.conversationId, audience: 'team' },
    'set-presence': { state: 'away' },
  }
  const name = chance.pick(Object.keys(commands) as (keyof typeof commands)[]) ?? 'resume'
  const input = bend(chance, { ...inputs[name] })
  const list = chance.chance(90) ? [name, input] : [name, input, chance.pick(strange), chance.pick(strange)]
  const text = `42${chance.below(1_000)}${JSON.stringify(list)}`
  return chance.chance(10) ? bendText(chance, text) : text
}

/** What a socket was told, without pings. */
function faultsOf({ texts }: RawSocket): string[] {
  return texts.filter((text) => text.includes('"internal"') || text.includes('"unavailable"'))
}

test(`SEC-82 ${frames} bent commands (SEED=${seed}) get no internal error`, async () => {
  const chance = seeded(seed + 1)
  let socket = await openRawAs(server.url, all.alice.token)
  const faults: string[] = []
  for (let sent = 0; sent < frames; sent += 1) {
    if (socket.ended || socket.closeCode !== undefined || sent % 50 === 49) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      faults.push(...faultsOf(socket))
      socket.destroy()
      socket = await openRawAs(server.url, chance.chance(50) ? all.alice.token : all.carol.token)
    }
    socket.send({ payload: bentCommand(chance) })
  }
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect([...faults, ...faultsOf(socket)]).toEqual([])
  socket.destroy()
  await expectWell()
}, 120_000)

function bentBytes(chance: Seeded): Buffer {
  const { request } = bentRequest(chance)
  const body = typeof request.body === 'string' ? request.body : ''
  const authorization = `authorization: Bearer ${all.alice.token}`
  const lines = [
    authorization,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  const bytes = Buffer.from(requestText(request.method, request.path, lines, body))
  for (let turns = 1 + chance.below(4); turns > 0; turns -= 1) bytes[chance.below(bytes.length)] = chance.below(256)
  return bytes
}

test(`SEC-154 ${rawRequests} requests with bytes changed (SEED=${seed}) get no 5xx`, async () => {
  const chance = seeded(seed + 2)
  for (let sent = 0; sent < rawRequests; sent += 50) {
    const group = Array.from({ length: 50 }, () => tell(server.url, bentBytes(chance), 500))
    for (const { statuses, text } of await Promise.all(group)) {
      for (const status of statuses) expect(status, `SEED=${seed} ${text.slice(0, 300)}`).toBeLessThan(500)
    }
  }
  await expectWell()
}, 120_000)
