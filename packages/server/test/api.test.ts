import { errors, limits, operations, ParleyError } from '@parley/protocol'
import {
  newKey,
  type People,
  type Person,
  people,
  person,
  requestOf,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

let server: TestServer
let who: People

beforeAll(async () => {
  server = await startTestServer()
  who = await people(server)
})

afterAll(() => server.close())

async function conversationOf(owner: Person, others: readonly Person[]): Promise<string> {
  return (await startConversation(owner, others)).conversation.id
}

interface Answer {
  readonly content: { readonly 'application/json': { readonly schema: { readonly $ref: string } } }
  readonly headers?: object
}

/** The fields at fault of a refusal. */
async function faultsOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ParleyError) || error.code !== 'invalid') throw new Error(`Not refused as invalid: ${error}`)
  return (error.details as { fields: readonly { path: string }[] }).fields.map(({ path }) => path)
}

test('API-10 people are found page by page, in whatever letters they are written', async () => {
  const ids = ['ÄRGER', 'Ärger', 'İpek', 'ipek', 'ΟΔΥΣΣΕΥΣ', 'Οδυσσεύς', 'Ωmega', 'ẞ', 'ß', 'ss']
  const made = await Promise.all(ids.map((id) => person(server, { id, role: 'member', workspace: 'letters' })))
  const found: string[] = []
  for (let cursor: string | null | undefined; cursor !== null && found.length < 20; ) {
    const page = await made[0]?.call('listUsers', { limit: 1, ...(cursor && { cursor }) })
    found.push(...(page?.items.map(({ id }) => id) ?? []))
    cursor = page?.nextCursor ?? null
  }
  expect(found.toSorted()).toEqual(ids.toSorted())
})

describe('API-1 refusals', () => {
  test('name every field at fault, also those that are not known', async () => {
    const { alice, bob } = who
    const id = await conversationOf(alice, [bob])
    const request = requestOf('sendMessage', { conversationId: id, clientKey: 'short', text: '' })
    const body = JSON.stringify({ ...JSON.parse(String(request.body)), colour: 'red', size: 3 })
    const answer = await alice.send({ ...request, body })
    const { error } = JSON.parse(answer.text)
    expect([answer.status, error.code, typeof error.requestId]).toEqual([400, 'invalid', 'string'])
    expect(error.details.fields.map(({ path }: { path: string }) => path)).toEqual([
      'clientKey',
      'text',
      'colour',
      'size',
    ])
    for (const { problem } of error.details.fields) expect(problem).toMatch(/\w/)
  })

  test('name the field that a later check refuses', async () => {
    const { alice, bob, dave } = who
    const id = (await startConversation(alice, [bob], { kind: 'internal' })).conversation.id
    const add = (userId: string) =>
      alice.call('addParticipant', { conversationId: id, userId, role: 'member', history: 'none' })
    expect(await faultsOf(add('nobody'))).toEqual(['userId'])
    expect(await faultsOf(add(dave.id))).toEqual(['userId'])
    const start = (participants: string[]) => alice.call('createConversation', { kind: 'internal', participants })
    expect(await faultsOf(start([bob.id, 'nobody']))).toEqual(['participants.1'])
    expect(await faultsOf(start([dave.id]))).toEqual(['participants'])
    expect(await faultsOf(alice.call('listConversations', { cursor: 'bent' }))).toEqual(['cursor'])
  })

  test('have the same form on a socket', async () => {
    const socket = await who.alice.online()
    expect(await socket.commandRaw('send-message', { text: '', colour: 'red' })).toEqual({
      error: {
        code: 'invalid',
        message: errors.invalid.meaning,
        requestId: expect.any(String),
        details: { fields: expect.arrayContaining([{ path: 'colour', problem: expect.any(String) }]) },
      },
    })
    socket.close()
  })

  test('tell who is not known what to bring', async () => {
    const answer = await fetch(`${server.url}/api/me`)
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
  })
})

test.each(['resume', 'set-presence', 'no-such-command'])(
  'API-2 a command that brings only the wish for an answer gets one: %s',
  async (name) => {
    const socket = await who.alice.socket()
    expect(await socket.commandRaw(name)).toMatchObject({ error: { code: 'invalid' } })
    socket.close()
  },
)

describe('API-3 numbers', () => {
  test.each(['', ' ', '0x10', '1e3', '+1', '-1', '1.0', ' 1', 'NaN', '9007199254740993'])(
    'before=%j is refused',
    async (before) => {
      const id = await conversationOf(who.alice, [who.bob])
      const path = `/api/messaging/conversations/${id}/messages?before=${encodeURIComponent(before)}`
      const answer = await who.alice.send({ method: 'GET', path })
      expect([answer.status, JSON.parse(answer.text).error.details.fields[0].path]).toEqual([400, 'before'])
    },
  )

  test('two positions are refused', async () => {
    const conversationId = await conversationOf(who.alice, [who.bob])
    expect(await faultsOf(who.alice.call('listMessages', { conversationId, before: 3, around: 1 }))).toEqual(['around'])
  })
})

test('API-4 the description says what each operation answers, by status', async () => {
  const description = await (await fetch(`${server.url}/api/openapi.json`)).json()
  const { schemas, securitySchemes } = description.components
  expect(securitySchemes.session.name).toBe('parley_session')
  expect(Object.keys(schemas).filter((name) => Object.hasOwn(schemas, `${name}Input`))).toEqual([])
  for (const { name, method, path, errors: codes } of Object.values(operations)) {
    const { responses } = description.paths[path.replaceAll(/:(\w+)/g, '{$1}')][method.toLowerCase()]
    const told = Object.entries<Answer>(responses).flatMap(([status, { content, headers }]) => {
      if (status === '200') return []
      expect(headers !== undefined, name).toBe(status === '429' || status === '503')
      const schema = schemas[content['application/json'].schema.$ref.split('/').at(-1) ?? '']
      return schema.properties.error.properties.code.enum.map((code: keyof typeof errors) => [Number(status), code])
    })
    const wanted = codes.map((code) => [errors[code].status, code])
    expect(told.sort(), name).toEqual(wanted.sort())
  }
})

test.each(['\u200b', ' \u200b\n', '\u2060\ufeff', '\u00ad', '\u0007'])('API-5 %j is no message', async (text) => {
  const conversationId = await conversationOf(who.alice, [who.bob])
  expect(await faultsOf(who.alice.call('sendMessage', { conversationId, clientKey: newKey(), text }))).toEqual(['text'])
})

test('API-6 a third person makes a direct conversation one of several', async () => {
  const { alice, bob, carol } = who
  const { conversation } = await startConversation(alice, [bob], { direct: true })
  const socket = await bob.online()
  await alice.call('addParticipant', {
    conversationId: conversation.id,
    userId: carol.id,
    role: 'member',
    history: 'none',
  })
  for (const one of [alice, bob, carol]) {
    const found = await one.call('getConversation', { conversationId: conversation.id })
    expect(found.conversation.conversation.direct).toBe(false)
  }
  await socket.frame(({ name }) => name === 'conversation-updated')
  socket.close()
})

test('API-6 a third person is one also when the second has left', async () => {
  const { alice, bob, carol } = who
  const direct = async (userId: string) => {
    const { conversation } = await startConversation(alice, [bob], { direct: true })
    const conversationId = conversation.id
    await alice.call('removeParticipant', { conversationId, userId: bob.id })
    await alice.call('addParticipant', { conversationId, userId, role: 'member', history: 'all' })
    return (await alice.call('getConversation', { conversationId })).conversation.conversation.direct
  }
  expect(await direct(bob.id)).toBe(true)
  expect(await direct(carol.id)).toBe(false)
})

test('API-7 no body, an empty one and an empty object are the same', async () => {
  const { alice } = who
  const path = '/api/messaging/conversations'
  const headers = { 'content-type': 'application/json' }
  const answers = await Promise.all(
    [undefined, '', '{}'].map((body) =>
      alice.send({ method: 'POST', path, headers, ...(body === undefined ? {} : { body }) }),
    ),
  )
  for (const { status, text } of answers) {
    const fields = JSON.parse(text).error.details.fields.map(({ path }: { path: string }) => path)
    expect([status, fields]).toEqual([400, ['kind', 'participants']])
  }
})

test('API-9 every id fits into a path', async () => {
  const { alice } = who
  const zoe = await person(server, { id: '€'.repeat(limits.nameLength), role: 'member', workspace: 'w1' })
  const conversationId = await conversationOf(alice, [zoe])
  const { participant } = await alice.call('updateParticipant', { conversationId, userId: zoe.id, role: 'owner' })
  expect(participant).toMatchObject({ userId: zoe.id, role: 'owner' })
})

test('API-8 the order of people does not make another conversation', async () => {
  const { alice, bob, carol } = who
  const start = (participants: string[]) =>
    alice.call('createConversation', { clientKey: 'the-same-conversation', kind: 'external', participants })
  const [one, other] = [await start([bob.id, carol.id]), await start([carol.id, bob.id, carol.id])]
  expect(other.conversation.conversation.id).toBe(one.conversation.conversation.id)
})
