import { Writable } from 'node:stream'
import { type ErrorBody, limits, type OperationName, operations } from '@parley/protocol'
import { startServer } from '@parley/server'
import {
  newKey,
  newMark,
  openSocket,
  type People,
  type Person,
  people,
  person,
  type RawAnswer,
  requestOf,
  say,
  sendRaw,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLog } from '../src/log.ts'
import { validInputs } from './attacks-inputs.ts'

let server: TestServer
let all: People
/** Alice's and Bob's, with a message that holds the mark. */
let secret: { readonly mark: string; readonly conversationId: string; readonly messageId: string }

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
  const mark = newMark()
  const context = { type: 'project', id: `p-${mark}`, title: mark, url: null }
  const { conversation } = await startConversation(all.alice, [all.bob], { kind: 'internal', subject: mark, context })
  const { id } = await say(all.alice, conversation.id, mark)
  secret = { mark, conversationId: conversation.id, messageId: id }
})

afterAll(() => server.close())

function errorOf({ text }: Pick<RawAnswer, 'text'>): ErrorBody['error'] {
  return (JSON.parse(text) as ErrorBody).error
}

/** An answer without what differs from request to request. */
function bytesOf({ status, headers, text }: RawAnswer): object {
  const kept = [...headers].filter(([header]) => header !== 'date')
  return { status, headers: kept, text: text.replace(/"requestId":"[^"]+"/, '"requestId":""') }
}

function sendJson(who: Person, method: string, path: string, body: string): Promise<RawAnswer> {
  return who.send({ method, path, headers: { 'content-type': 'application/json' }, body })
}

/** A conversation of Eve's, who is not in Alice's and Bob's. */
async function evesOwn(): Promise<{ id: string; messageId: string }> {
  const { conversation } = await startConversation(all.eve, [all.carol])
  const message = await say(all.eve, conversation.id, 'mine')
  return { id: conversation.id, messageId: message.id }
}

describe('objects of others', () => {
  const bent: readonly ((id: string) => string)[] = [
    (id) => id.toUpperCase(),
    (id) => `${id} `,
    (id) => ` ${id}`,
    (id) => `${id}%20`,
    (id) => `${id}/`,
    (id) => `./${id}`,
    (id) => `${id}*`,
    (id) => `${id},${id}`,
    (id) => `["${id}"]`,
    () => '{"$ne":1}',
    () => '*',
    () => '%',
    () => '_'.repeat(26),
    () => '../conversations',
    () => "' or '1'='1",
  ]

  test('SEC-1 no spelling of an id opens what is not open, nor tells that it is there', async () => {
    for (const bend of bent) {
      const conversationId = bend(secret.conversationId)
      const unknown = bend(server.running.services.ids())
      for (const who of [all.eve, all.mallory, all.carol]) {
        const answer = await who.callRaw('getConversation', { conversationId })
        expect([400, 404], conversationId).toContain(answer.status)
        expect(bytesOf(answer)).toEqual(bytesOf(await who.callRaw('getConversation', { conversationId: unknown })))
      }
    }
  })

  const queries = ['', 'after=0', 'limit=1', 'after=0&limit=1', 'before=99', 'around=1', 'role=admin', 'include=all']
  const reads = (Object.keys(operations) as OperationName[]).filter((name) => {
    return operations[name].method === 'GET' && operations[name].params.length > 0
  })

  test.each(reads)('SEC-2 %s: no parameter opens what is not open', async (name) => {
    const read = async (who: Person, at: typeof secret, query: string) => {
      const path = requestOf(name, validInputs(at)[name]).path.split('?')[0]
      return bytesOf(await who.send({ method: 'GET', path: `${path}?${query}` }))
    }
    const ids = server.running.services.ids
    for (const who of [all.eve, all.mallory, all.root]) {
      for (const query of queries) {
        const closed = await read(who, secret, query)
        expect(closed).toEqual(await read(who, { mark: '', conversationId: ids(), messageId: ids() }, query))
        expect([400, 404]).toContain((closed as RawAnswer).status)
      }
    }
  })

  test('SEC-136 it takes no longer to refuse what is there than what never was', async () => {
    const times: Record<'there' | 'never', number[]> = { there: [], never: [] }
    for (let round = 0; round < 400; round += 1) {
      const which = round % 2 === 0 ? 'there' : 'never'
      const conversationId = which === 'there' ? secret.conversationId : server.running.services.ids()
      const started = performance.now()
      await all.eve.callRaw('getConversation', { conversationId })
      times[which].push(performance.now() - started)
    }
    const median = (list: number[]) => list.toSorted((a, b) => a - b)[list.length / 2] ?? 0
    expect(Math.abs(median(times.there) - median(times.never))).toBeLessThan(5)
  })

  test('SEC-3 SEC-8 a message of others is not quoted, by its id or in passing', async () => {
    const { id, messageId } = await evesOwn()
    const quoted = await all.eve.callRaw('sendMessage', { ...fresh(id), replyTo: secret.messageId })
    const unknown = await all.eve.callRaw('sendMessage', { ...fresh(id), replyTo: server.running.services.ids() })
    expect(quoted.status).toBe(404)
    expect(bytesOf(quoted)).toEqual(bytesOf(unknown))
    const link = `${server.url}/conversations/${secret.conversationId}#${secret.messageId}`
    await say(all.eve, id, link, { replyTo: messageId })
    const read = await all.eve.callRaw('listMessages', { conversationId: id })
    expect(read.text).not.toContain(secret.mark)
  })

  test('SEC-8 who is in both does not carry a message from one conversation into the other', async () => {
    const { conversation } = await startConversation(all.alice, [all.carol])
    const answer = await all.alice.callRaw('sendMessage', { ...fresh(conversation.id), replyTo: secret.messageId })
    expect(answer.status).toBe(404)
    const seen = await all.carol.callRaw('listMessages', { conversationId: conversation.id })
    expect(seen.text).not.toContain(secret.mark)
  })

  test('SEC-4 a message of others under a conversation of one’s own is not found', async () => {
    const { id } = await evesOwn()
    for (const method of ['GET', 'PATCH', 'DELETE', 'POST']) {
      const path = `/api/messaging/conversations/${id}/messages/${secret.messageId}`
      const answer = await sendJson(all.eve, method, path, method === 'GET' ? '' : '{}').catch(() => undefined)
      expect(answer?.status ?? 404, method).toBe(404)
    }
  })

  test('SEC-4 the path says what is meant: ids in query or body do not override it', async () => {
    const { id, messageId } = await evesOwn()
    const other = { conversationId: secret.conversationId, messageId: secret.messageId, userId: 'alice' }
    const query = new URLSearchParams(other)
    const answers = await Promise.all([
      sendJson(all.eve, 'PATCH', `/api/messaging/messages/${messageId}`, JSON.stringify({ ...other, text: 'x' })),
      sendJson(
        all.eve,
        'POST',
        `/api/messaging/conversations/${id}/messages`,
        JSON.stringify({ ...fresh(id), ...other }),
      ),
      all.eve.send({ method: 'GET', path: `/api/messaging/conversations/${id}?${query}` }),
      all.eve.send({
        method: 'GET',
        path: `/api/messaging/conversations/${id}/messages?conversationId=${secret.conversationId}`,
      }),
      all.eve.send({ method: 'GET', path: `/api/messaging/messages/${messageId}?messageId=${secret.messageId}` }),
      all.eve.send({ method: 'DELETE', path: `/api/messaging/conversations/${id}/participants/carol?userId=eve` }),
    ])
    for (const { text } of answers) expect(text).not.toContain(secret.mark)
    const { message } = await all.alice.call('getMessage', { messageId: secret.messageId })
    expect(message.text).toBe(secret.mark)
    expect((await all.eve.callRaw('getConversation', { conversationId: id })).status).toBe(200)
  })

  test('SEC-16 the subject, context or key of others cannot be felt out', async () => {
    const subject = newMark()
    const clientKey = newKey()
    const context = { type: 'project', id: `p-${subject}`, title: subject, url: null }
    await startConversation(all.alice, [all.bob], { clientKey, subject, context })
    for (const filter of [
      { q: subject },
      { contextType: 'project', contextId: context.id },
      { contextId: context.id },
    ]) {
      const { items, nextCursor } = await all.eve.call('listConversations', filter)
      expect([items, nextCursor]).toEqual([[], null])
    }
    const mine = await startConversation(all.eve, [all.carol], { clientKey, subject, context })
    expect([mine.conversation.createdBy, mine.conversation.subject, mine.participantCount]).toEqual(['eve', subject, 2])
  })

  test('SEC-17 an outsider finds nobody he has nothing to do with, and nobody finds an email address', async () => {
    for (const input of [{ ids: 'dave' }, { q: 'dave' }, { ids: 'dave,nobody' }]) {
      const { items } = await all.carol.call('listUsers', input)
      expect(items).toEqual([])
    }
    const known = await all.carol.callRaw('listUsers', { ids: 'dave' })
    expect(bytesOf(known)).toEqual(bytesOf(await all.carol.callRaw('listUsers', { ids: 'nosuch' })))
    const { items } = await all.carol.call('listUsers', {})
    expect(items.map(({ id }) => id)).not.toContain('dave')
    for (const who of [all.carol, all.alice]) expect((await who.callRaw('listUsers', {})).text).not.toMatch(/email|@/)
    const { text } = await all.carol.callRaw('createConversation', { kind: 'external', participants: ['dave'] })
    const other = await all.carol.callRaw('createConversation', { kind: 'external', participants: ['none'] })
    expect(text.replace('dave', 'none').replace(/"requestId.*/, '')).toBe(other.text.replace(/"requestId.*/, ''))
  })

  test('SEC-19 an id tells the time and 80 random bits, and never which comes next', async () => {
    const { id } = await evesOwn()
    const ids: string[] = []
    for (let index = 0; index < 50; index += 1) ids.push((await say(all.eve, id, 'x')).id)
    const tails = ids.map((one) => one.slice(10))
    expect(ids.every((one) => /^[0-9a-hjkmnp-tv-z]{26}$/.test(one))).toBe(true)
    for (let place = 0; place < 16; place += 1) {
      const variety = new Set(tails.map((tail) => tail[place])).size
      expect(variety, `place ${place}`).toBeGreaterThan(15)
    }
    const ups = tails.filter((tail, index) => index > 0 && tail > (tails[index - 1] ?? '')).length
    expect(ups).toBeGreaterThan(8)
    expect(ups).toBeLessThan(42)
  })
})

function fresh(conversationId: string): { conversationId: string; clientKey: string; text: string } {
  return { conversationId, clientKey: newKey(), text: 'x' }
}

describe('cursors', () => {
  async function cursorsOf(who: Person): Promise<{ conversations: string; users: string; participants: string }> {
    const { conversation } = await startConversation(who, [all.bob])
    await startConversation(who, [all.bob])
    const conversations = (await who.call('listConversations', { limit: 1 })).nextCursor ?? ''
    const users = (await who.call('listUsers', { limit: 1 })).nextCursor ?? ''
    const listed = await who.call('listParticipants', { conversationId: conversation.id, limit: 1 })
    return { conversations, users, participants: listed.nextCursor ?? '' }
  }

  test('SEC-20 a cursor of somebody else shows one’s own things only', async () => {
    const { conversations, users, participants } = await cursorsOf(all.alice)
    const { conversation } = await startConversation(all.eve, [all.carol])
    for (const who of [all.eve, all.mallory, all.carol]) {
      const answers = [
        await who.callRaw('listConversations', { cursor: conversations }),
        await who.callRaw('listUsers', { cursor: users }),
        await who.callRaw('listParticipants', { conversationId: conversation.id, cursor: participants }),
        await who.callRaw('listParticipants', { conversationId: secret.conversationId, cursor: participants }),
      ]
      for (const { status, text } of answers) {
        expect([200, 404]).toContain(status)
        expect(text).not.toContain(secret.mark)
        if (who === all.mallory) expect(text).not.toContain('alice')
      }
    }
  })

  test('SEC-20 a cursor of another list, or bent, is refused or shows one’s own things', async () => {
    const { conversations, users, participants } = await cursorsOf(all.eve)
    const conversationId = (await startConversation(all.eve, [all.carol])).conversation.id
    expect((await all.eve.callRaw('listUsers', { cursor: conversations })).status).toBe(400)
    expect((await all.eve.callRaw('listConversations', { cursor: participants })).status).toBe(400)
    expect((await all.eve.callRaw('listParticipants', { conversationId, cursor: users })).status).toBe(400)
    for (const [index, cursor] of [conversations, participants].entries()) {
      for (let place = 0; place < cursor.length; place += 3) {
        const bent = `${cursor.slice(0, place)}${cursor[place] === 'A' ? 'B' : 'A'}${cursor.slice(place + 1)}`
        const ask =
          index === 0
            ? all.eve.callRaw('listConversations', { cursor: bent })
            : all.eve.callRaw('listParticipants', { conversationId, cursor: bent })
        const answer = await ask
        expect([200, 400], `${bent}: ${answer.text}`).toContain(answer.status)
        expect(answer.text).not.toContain(secret.mark)
      }
    }
  })

  test.each([
    ['', []],
    ['an object', { $gt: '' }],
    ['keys that are objects', ['conversations', {}, []]],
    ['too many keys', ['conversations', 'a', 'b', 'c']],
    ['no time', ['conversations', 'yesterday-ish', 'x']],
    ['endless time', ['conversations', 'infinity', 'x']],
    ['SQL', ['conversations', "2026-01-01'; select pg_sleep(5); --", "x' or true --"]],
    ['a NUL', ['conversations', '2026-01-01\u0000', 'x']],
  ])('SEC-20 a cursor made up of %s', async (_title, value) => {
    const cursor = Buffer.from(JSON.stringify(value)).toString('base64url')
    const answer = await all.eve.callRaw('listConversations', { cursor })
    expect([200, 400], answer.text).toContain(answer.status)
    expect(answer.text).not.toContain(secret.mark)
  })
})

describe('rights', () => {
  test('SEC-23 nobody raises himself', async () => {
    const { id } = await evesOwn()
    const tries = [
      sendJson(all.eve, 'PATCH', '/api/me', '{"role":"admin"}'),
      sendJson(all.eve, 'POST', '/api/me', '{"role":"admin"}'),
      sendJson(all.eve, 'PATCH', '/api/messaging/users/eve', '{"role":"admin"}'),
      sendJson(
        all.carol,
        'POST',
        `/api/messaging/conversations/${id}/participants`,
        '{"userId":"carol","role":"owner"}',
      ),
      sendJson(all.carol, 'PATCH', `/api/messaging/conversations/${id}/participants/carol`, '{"role":"owner"}'),
      sendJson(all.eve, 'PATCH', `/api/messaging/conversations/${id}/participants/carol`, '{"role":"admin"}'),
    ]
    for (const answer of await Promise.all(tries)) expect([400, 403, 404]).toContain(answer.status)
    expect((await all.eve.call('getMe', {})).user.role).toBe('member')
    expect((await all.carol.call('getMe', {})).user.role).toBe('external')
    const { items } = await all.eve.call('listParticipants', { conversationId: id })
    expect(items.find(({ userId }) => userId === 'carol')?.role).toBe('member')
  })

  test('SEC-34 another workspace in header, query or body changes nothing', async () => {
    const headers = { 'x-workspace-id': 'w1', 'x-tenant-id': 'w1', 'x-parley-workspace': 'w1' }
    const me = await all.mallory.send({ method: 'GET', path: '/api/me', headers })
    expect(JSON.parse(me.text)).toMatchObject({ workspace: { id: 'w1-other' } })
    for (const path of ['/api/me?workspace=w1', '/api/messaging/users?workspaceId=w1']) {
      expect((await all.mallory.send({ method: 'GET', path })).text).not.toContain('alice')
    }
    const body = { kind: 'external', participants: [], workspaceId: 'w1', workspace: 'w1' }
    expect((await sendJson(all.mallory, 'POST', '/api/messaging/conversations', JSON.stringify(body))).status).toBe(400)
  })

  test('SEC-35 people of another workspace cannot be brought in', async () => {
    const { id } = await evesOwn()
    const away = await person(server, { id: 'oscar', role: 'member', workspace: 'w1-third' })
    const created = await all.eve.callRaw('createConversation', { kind: 'external', participants: [away.id] })
    const unknown = await all.eve.callRaw('createConversation', { kind: 'external', participants: ['nobod'] })
    expect(created.status).toBe(400)
    expect(created.text.replace('oscar', 'nobod').split('requestId')[0]).toBe(unknown.text.split('requestId')[0])
    const added = await all.eve.callRaw('addParticipant', { conversationId: id, userId: away.id })
    expect(bytesOf(added)).toEqual(
      bytesOf(await all.eve.callRaw('addParticipant', { conversationId: id, userId: 'nobod' })),
    )
    expect([400, 404]).toContain(added.status)
  })

  test('SEC-37 many answers of two workspaces over the same connections are never mixed up', async () => {
    const turns = Array.from({ length: 500 }, (_, index) => (index % 2 === 0 ? all.alice : all.mallory))
    for (let at = 0; at < turns.length; at += 10) {
      const group = turns.slice(at, at + 10)
      const answers = await Promise.all(group.map((who) => who.call('getMe', {})))
      expect(answers.map(({ workspace }) => workspace.id)).toEqual(group.map(({ workspace }) => workspace))
    }
  })

  test('SEC-39 requests that are given up midway leave nothing of their workspace to those after them', async () => {
    const url = `${server.url}/api/messaging/conversations`
    const list = async (who: Person, signal?: AbortSignal) => {
      const init = { headers: { authorization: `Bearer ${who.token}` }, ...(signal && { signal }) }
      return (await fetch(url, init)).text()
    }
    const own = new Map([
      [all.alice, await list(all.alice)],
      [all.mallory, await list(all.mallory)],
    ])
    let givenUp = 0
    for (let round = 0; round < 200; round += 1) {
      const [leaver, stayer] = round % 2 === 0 ? [all.alice, all.mallory] : [all.mallory, all.alice]
      const leaving = list(leaver, AbortSignal.timeout(round % 5)).catch(() => {
        givenUp += 1
      })
      expect(await list(stayer)).toBe(own.get(stayer))
      await leaving
    }
    expect(givenUp).toBeGreaterThan(20)
  })
})

interface Target {
  readonly name: OperationName
  readonly method: string
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
}

/** A request that would be right, of every operation with a body. */
function targets(): Target[] {
  const inputs = validInputs(secret)
  return (Object.keys(operations) as OperationName[]).flatMap((name) => {
    const { method, path, body } = requestOf(name, inputs[name])
    return typeof body === 'string' ? [{ name, method, path, body: JSON.parse(body) as Target['body'] }] : []
  })
}

function ask({ method, path }: Target, body: unknown): Promise<RawAnswer> {
  return sendJson(all.alice, method, path, typeof body === 'string' ? body : JSON.stringify(body))
}

describe('forms', () => {
  const values: readonly unknown[] = [
    { $ne: '' },
    { $gt: 0 },
    { toString: 1 },
    [],
    [[]],
    ['x', 'y'],
    [null],
    5,
    -1,
    1.5,
    1e21,
    true,
    null,
    '',
    ' ',
    'x\u0000y',
  ]

  test.each(Object.keys(operations) as OperationName[])('SEC-98 %s takes each field in its form only', async (name) => {
    const target = targets().find((one) => one.name === name)
    if (!target) return expect(['GET', 'DELETE']).toContain(operations[name].method)
    const shape = operations[name].input.shape as Record<string, { safeParse(value: unknown): { success: boolean } }>
    const fields = Object.keys(shape).filter((field) => !operations[name].params.includes(field))
    for (const field of fields) {
      const wrong = values.filter((value) => shape[field]?.safeParse(value).success === false)
      expect(wrong.length, field).toBeGreaterThan(8)
      for (const value of wrong) {
        const answer = await ask(target, { ...target.body, [field]: value })
        expect([answer.status, errorOf(answer).code], `${field}: ${JSON.stringify(value)}`).toEqual([400, 'invalid'])
      }
    }
    for (const body of [[], [target.body], 'null', '5', '"x"', 'true']) {
      expect((await ask(target, body)).status, JSON.stringify(body)).toBe(400)
    }
  })

  test.each(Object.keys(operations) as OperationName[])(
    'SEC-98 %s takes each parameter in its form only',
    async (name) => {
      const { method, input, params } = operations[name]
      if (method !== 'GET' && method !== 'DELETE') return
      const { path } = requestOf(name, validInputs(secret)[name])
      const rest = Object.keys(input.shape).filter((field) => !params.includes(field))
      for (const field of rest) {
        for (const query of [`${field}[$ne]=`, `${field}[]=a`, `${field}=a&${field}=b`, `${field}.x=1`]) {
          const answer = await all.alice.send({ method: 'GET', path: `${path.split('?')[0]}?${query}` })
          expect(answer.status, query).toBe(400)
        }
      }
    },
  )

  const forged = {
    id: 'forged',
    senderId: 'bob',
    sender_id: 'bob',
    author: 'bob',
    workspaceId: 'w1-other',
    tenant_id: 'w1-other',
    seq: 1,
    publicSeq: 1,
    createdAt: '2000-01-01T00:00:00Z',
    editedAt: null,
    edited: true,
    system: { type: 'status-changed', status: 'open' },
    isInternal: true,
    deletedAt: null,
    deletedBy: null,
    reactions: [],
    createdBy: 'bob',
    participantCount: 9,
    unread: 0,
    readSeq: 9,
    joinedAt: 'x',
    quote: null,
  }

  test.each(Object.keys(operations) as OperationName[])(
    'SEC-102 %s takes no field that is ours to set',
    async (name) => {
      const target = targets().find((one) => one.name === name)
      if (!target) return
      const before = await state()
      const shape = Object.keys(operations[name].input.shape)
      for (const [field, value] of Object.entries(forged)) {
        if (shape.includes(field)) continue
        const answer = await ask(target, { ...target.body, [field]: value })
        expect([answer.status, errorOf(answer).code], field).toEqual([400, 'invalid'])
      }
      expect(await state()).toBe(before)
    },
  )

  /** Everything the database holds of conversations, as text. */
  async function state(): Promise<string> {
    const tables = ['conversations', 'participants', 'messages', 'changes', 'users']
    const read = (table: string) => server.database.query(`select * from ${table} t order by t::text`)
    return JSON.stringify(await Promise.all(tables.map(read)))
  }
})

describe('JSON', () => {
  const deep = (open: string, close: string, depth: number) => `${open.repeat(depth)}1${close.repeat(depth)}`

  test.each([
    ['100,000 lists', deep('[', ']', 100_000)],
    ['20,000 objects', deep('{"a":', '}', 20_000)],
    ['a prototype', '{"__proto__":{"role":"admin"},"clientKey":"k-proto-proto","text":"x"}'],
    ['a prototype, escaped', '{"__\\u0070roto__":{"role":"admin"},"clientKey":"k-proto-proto","text":"x"}'],
    ['a constructor', '{"constructor":{"prototype":{"role":"admin"}},"clientKey":"k-proto-proto","text":"x"}'],
    ['an endless number', '{"clientKey":"k-number-number","text":1e999}'],
    ['half of a pair', '{"clientKey":"k-lonely-lonely","text":"x\\ud800y"}'],
    ['a NUL', '{"clientKey":"k-nul-nul-nul","text":"x\\u0000y"}'],
    ['comments', '{"clientKey":"k-comment-comment",/* */"text":"x"}'],
    ['NaN', '{"clientKey":"k-nan-nan-nan","text":NaN}'],
    ['two values', '{"clientKey":"k-two-two-two","text":"x"}{}'],
    ['nothing', ''],
  ])('SEC-83 %s in a body is refused', async (_title, body) => {
    const path = `/api/messaging/conversations/${secret.conversationId}/messages`
    const answer = await sendJson(all.alice, 'POST', path, body)
    expect(answer.status, answer.text.slice(0, 200)).toBe(400)
    expect(({} as Record<string, unknown>).role).toBeUndefined()
    expect((await all.alice.call('getMe', {})).user.role).toBe('member')
  })

  test('SEC-83 bytes that are no UTF-8 do not become other words in silence', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"clientKey":"k-bytes-bytes","text":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ])
    const headers = { 'content-type': 'application/json' }
    const path = `/api/messaging/conversations/${secret.conversationId}/messages`
    const answer = await all.alice.send({ method: 'POST', path, headers, body: new Uint8Array(bytes) })
    expect([200, 400]).toContain(answer.status)
    if (answer.status === 200) expect(JSON.parse(answer.text).message.text).toBe('\ufffd\ufffd')
  })

  test('SEC-83 of a key that comes twice the last counts, for everything alike', async () => {
    const body = `{"clientKey":"k-double-double","text":"first","text":"last","audience":"everyone","audience":"team"}`
    const { id } = await evesOwn()
    const answer = await sendJson(all.eve, 'POST', `/api/messaging/conversations/${id}/messages`, body)
    expect(JSON.parse(answer.text).message).toMatchObject({ text: 'last', audience: 'team' })
    expect((await all.carol.callRaw('listMessages', { conversationId: id })).text).not.toMatch(/first|last/)
  })
})

describe('parameters', () => {
  const payloads = [
    "'",
    "''",
    "' or '1'='1",
    "'; select pg_sleep(3); --",
    "x' and (select pg_sleep(3)) is null --",
    '1); drop table messages; --',
    '$1',
    '%',
    '_',
    '\\',
    "\\'; --",
    '{"$gt":""}',
    '#{7*7}',
    '{{7*7}}',
    '../../etc/passwd',
    '\u202e',
    '\u0000',
    '🙂'.repeat(40),
    'a'.repeat(120),
  ]

  test.each(Object.keys(operations) as OperationName[])(
    'SEC-97 %s: SQL in any field is text or refused, at once',
    async (name) => {
      const { input, method } = operations[name]
      const base = validInputs(secret)[name] as Record<string, unknown>
      for (const field of Object.keys(input.shape)) {
        for (const payload of payloads) {
          const started = performance.now()
          const request = requestOf(name, { ...base, [field]: payload } as never)
          const answer = await all.eve.send(request)
          expect(answer.status, `${method} ${field}=${payload}: ${answer.text}`).toBeLessThan(500)
          expect(performance.now() - started, `${field}=${payload}`).toBeLessThan(2_500)
          expect(answer.text.replaceAll(payload, '')).not.toContain(secret.mark)
        }
      }
    },
  )

  test.each([
    '0',
    '-1',
    '201',
    '1e9',
    '1e309',
    'NaN',
    'Infinity',
    '1.5',
    '',
    ' ',
    'ten',
    '1,000',
    '10&limit=1e9',
    '10&limit=20',
    '[10]',
    'null',
    'true',
  ])('SEC-103 a page of %s is refused', async (limit) => {
    for (const path of [
      '/users',
      '/conversations',
      `/conversations/${secret.conversationId}/messages`,
      `/conversations/${secret.conversationId}/participants`,
    ]) {
      const answer = await all.alice.send({ method: 'GET', path: `/api/messaging${path}?limit=${limit}` })
      expect([answer.status, path]).toEqual([400, path])
    }
  })

  test.each(['-1', '1.5', 'NaN', '1e309', '9007199254740993', '99999999999999999999', 'x', '1&after=2', '[]'])(
    'SEC-103 a position of %s is refused',
    async (position) => {
      for (const list of ['messages', 'changes']) {
        const path = `/api/messaging/conversations/${secret.conversationId}/${list}?after=${position}`
        expect((await all.alice.send({ method: 'GET', path })).status, list).toBe(400)
      }
    },
  )

  test('SEC-103 positions at the edge of what can be counted answer nothing', async () => {
    const { conversationId } = secret
    for (const at of [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, 2 ** 31, 2 ** 32]) {
      expect((await all.alice.call('listMessages', { conversationId, after: at })).items).toEqual([])
      expect((await all.alice.callRaw('listMessages', { conversationId, around: at })).status).toBe(200)
      expect((await all.alice.callRaw('listChanges', { conversationId, after: at })).status).toBe(200)
      expect((await all.alice.callRaw('markRead', { conversationId, seq: at })).status).toBe(200)
    }
  })
})

/** A second server on the same database, and what its log says. */
async function startLogged() {
  let written = ''
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written += chunk.toString()
      done()
    },
  })
  const config = { ...server.config, port: 0 }
  const log = createLog({ logLevel: 'trace' }, stream)
  const logged = await startServer(config, { connection: server.database.connection, log })
  return { logged, target: { url: logged.url, config }, written: () => written }
}

describe('the log', () => {
  test('SEC-104 SEC-140 a line is a line, and holds no secret and nothing anybody wrote', async () => {
    const { logged, target, written } = await startLogged()
    try {
      const evil = 'x\n{"level":60}\r\n\u001b[31m\u2028'
      const alice = await person(target, { id: 'alice', role: 'member', workspace: 'w1' })
      const mark = newMark()
      await say(alice, secret.conversationId, `${mark} ${evil}`)
      await sendRaw(logged.url, {
        method: 'GET',
        path: `/api/me?x=${encodeURIComponent(evil)}`,
        headers: { authorization: `Bearer ${mark}.a.b`, 'user-agent': 'a\tb' },
      })
      await sendRaw(logged.url, {
        method: 'POST',
        path: '/api/auth/sign-in',
        headers: { 'content-type': 'application/json', cookie: `parley_session=${mark}` },
        body: JSON.stringify({ email: `${mark}@example.com`, password: `${mark}${evil}` }),
      })
      await logged.services.db.close()
      await alice.callRaw('listConversations', { q: mark })
      expect(written()).not.toContain(mark)
      expect(written()).not.toContain(alice.token)
      for (const line of written().trim().split('\n')) expect(() => JSON.parse(line) as unknown, line).not.toThrow()
      expect(written()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u2028]/)
    } finally {
      await logged.close().catch(() => undefined)
    }
  })

  test('SEC-87 a token holds from wherever it comes; that it is used from two places at once is written down, but not which', async () => {
    const { logged, target, written } = await startLogged()
    const alice = await person(target, { id: 'alice', role: 'member', workspace: 'w1' })
    const comeWith = (program: string) => openSocket(logged.url, { token: alice.token }, { 'user-agent': program })
    const lines = () =>
      written()
        .split('\n')
        .filter((line) => line.includes('two places'))
    const sockets = [await comeWith('one'), await comeWith('one')]
    expect(lines()).toEqual([])
    sockets.push(await comeWith('another'))
    expect(lines().map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ workspaceId: 'w1', userId: 'alice' }),
    ])
    expect(lines().join()).not.toMatch(/another|127\.0\.0\.1/)
    const [last] = sockets.slice(-1)
    expect((await last?.command('resume', { epoch: null, cursors: {} }))?.heads).toHaveProperty(secret.conversationId)
    for (const socket of sockets) socket.close()
    await logged.close()
  })
})

test('SEC-103 what limits promise is what is enforced', async () => {
  const { conversationId } = secret
  const long = await all.alice.callRaw('sendMessage', {
    ...fresh(conversationId),
    text: 'x'.repeat(limits.textLength + 1),
  })
  expect(long.status).toBe(400)
  const full = await all.alice.callRaw('sendMessage', { ...fresh(conversationId), text: 'x'.repeat(limits.textLength) })
  expect(full.status).toBe(200)
  const many = Array.from({ length: limits.participantsPerRequest + 1 }, (_, index) => `u${index}`)
  expect((await all.alice.callRaw('createConversation', { kind: 'external', participants: many })).status).toBe(400)
  expect((await all.alice.callRaw('listUsers', { ids: many.join(',') })).status).toBe(400)
})
