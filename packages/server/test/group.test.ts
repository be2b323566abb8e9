import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandOutput } from '@parley/protocol'
import { newKey, type People, people, say, startConversation, startTestServer, type TestServer } from '@parley/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

let server: TestServer
let all: People

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
})

afterAll(() => server.close())

async function shared(): Promise<string> {
  return (await startConversation(all.alice, [all.bob, all.carol])).conversation.id
}

/** Holds the rows of conversations as another node's writes would. */
async function holding(...conversationIds: readonly string[]): Promise<() => Promise<void>> {
  const client = new pg.Client(server.database.connection)
  await client.connect()
  await client.query('begin')
  await client.query('select 1 from parley.conversations where id = any($1) for update', [conversationIds])
  return async () => {
    await client.query('rollback')
    await client.end()
  }
}

test('G2 one key over HTTP and over the socket, 25 times each at once, gives one message and equal answers', async () => {
  const conversationId = await shared()
  const socket = await all.alice.online()
  const input = { conversationId, clientKey: newKey(), text: 'once', audience: 'everyone' } as const
  const answers = await Promise.all(
    Array.from({ length: 25 }, () => [
      all.alice.call('sendMessage', input),
      socket.command('send-message', input),
    ]).flat(),
  )
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
  const page = await all.bob.call('listMessages', { conversationId })
  expect(page.items.filter(({ text }) => text === 'once')).toHaveLength(1)
  socket.close()
})

test('G3 of sends at once with one key and different texts one text stands, and the others are refused', async () => {
  const conversationId = await shared()
  const clientKey = newKey()
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_value, index) =>
      all.alice.callRaw('sendMessage', { conversationId, clientKey, text: `${index}` }),
    ),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(19)
})

/** Inserts a message under another key, as another node's group would. */
const insertCopy = `insert into parley.messages
  select (jsonb_populate_record(m, jsonb_build_object('id', $2::text, 'client_key', $2, 'seq', $3::int, 'public_seq', $3))).*
  from parley.messages m where id = $1`

test('G11 two groups that meet under the same keys wait for each other in one order', async () => {
  const [here, elsewhere] = [await shared(), await shared()]
  const { id } = await say(all.alice, elsewhere, 'to be copied')
  const [first = '', second = ''] = [newKey(), newKey()].toSorted()
  const other = new pg.Client(server.database.connection)
  await other.connect()
  await other.query('begin')
  await other.query(insertCopy, [id, first, 1_001])
  const socket = await all.alice.online()
  const send = (clientKey: string) =>
    socket.command('send-message', { conversationId: here, clientKey, text: 'mine', audience: 'everyone' })
  const answers = Promise.allSettled([newKey(), second, first].map(send))
  await sleep(300)
  await other.query(insertCopy, [id, second, 1_002])
  await other.query('commit')
  await other.end()
  const [before, ...refused] = await answers
  expect(before?.status).toBe('fulfilled')
  for (const one of refused) expect(one).toMatchObject({ reason: { code: 'client_key_reused' } })
  socket.close()
})

test('G4 what one sender hands over at once by one socket stands in that order, and reaches all in that order', async () => {
  const conversationId = await shared()
  const [sending, reading] = [await all.alice.online(), await all.carol.online()]
  const texts = Array.from({ length: 600 }, (_value, index) => `${index}`)
  const answers = await Promise.all(
    texts.map((text) =>
      sending.command('send-message', { conversationId, clientKey: newKey(), text, audience: 'everyone' }),
    ),
  )
  const seqs = answers.map(({ message }) => message.seq)
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
  const last = await all.carol.call('listMessages', { conversationId, limit: 1 })
  await reading.reached(conversationId, last.items[0]?.seq ?? 0)
  const received = reading
    .events(conversationId)
    .flatMap((event) =>
      event.type === 'new-message' && event.data.message.system === null ? [event.data.message.text] : [],
    )
  expect(received).toEqual(texts)
  sending.close()
  reading.close()
})

test('G11 a conversation that is held elsewhere keeps nobody else waiting, and its sends go through when it is free', async () => {
  const [held, free] = [await shared(), await shared()]
  const release = await holding(held)
  const waiting = Promise.all([say(all.alice, held, 'first'), say(all.bob, held, 'second')])
  let settled = false
  void waiting.finally(() => {
    settled = true
  })
  for (let index = 0; index < 20; index += 1) await say(all.alice, free, `${index}`)
  expect(settled).toBe(false)
  await release()
  await waiting
  const page = await all.carol.call('listMessages', { conversationId: held })
  expect(page.items.flatMap(({ text }) => text || []).sort()).toEqual(['first', 'second'])
})

test('G11 many conversations that are held elsewhere keep nobody else waiting, and all are answered', async () => {
  const many = await Promise.all(Array.from({ length: 40 }, shared))
  const free = await shared()
  const release = await holding(...many)
  let settled = 0
  const ask = async (conversationId: string) => {
    const { status } = await all.alice.callRaw('sendMessage', { conversationId, clientKey: newKey(), text: 'held' })
    settled += 1
    return status
  }
  const waiting = Promise.all(many.map(ask))
  await sleep(500)
  for (let index = 0; index < 20; index += 1) await say(all.bob, free, `${index}`)
  expect(settled).toBe(0)
  expect(new Set(await waiting)).toEqual(new Set([503]))
  await release()
  await Promise.all(many.map((conversationId) => say(all.alice, conversationId, 'free')))
})

test('G4 what one sender hands over one by one while the conversation is held elsewhere stands in that order', async () => {
  const [conversationId, other] = [await shared(), await shared()]
  const socket = await all.alice.online()
  const release = await holding(conversationId)
  const sends: Promise<CommandOutput<'send-message'>>[] = []
  for (let index = 0; index < 200; index += 1) {
    if (index === 150) await release()
    void say(all.bob, other, `${index}`)
    const input = { conversationId, clientKey: newKey(), text: `${index}`, audience: 'everyone' } as const
    sends.push(socket.command('send-message', input))
    await sleep(2)
  }
  const seqs = (await Promise.all(sends)).map(({ message }) => message.seq)
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
  socket.close()
})

test('G11 a conversation that stays held is refused with 503 and a time to come back', async () => {
  const held = await shared()
  const release = await holding(held)
  const answer = await all.alice.callRaw('sendMessage', { conversationId: held, clientKey: newKey(), text: 'no' })
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
  await release()
})

test('R3 one draft that is refused harms none of those that go with it', async () => {
  const conversationId = await shared()
  const secret = (await startConversation(all.bob, [all.carol])).conversation.id
  const good = Array.from({ length: 10 }, (_value, index) => say(all.alice, conversationId, `${index}`))
  const outcomes = await Promise.allSettled([
    ...good,
    say(all.alice, secret, 'not in there'),
    say(all.carol, conversationId, 'no note by the other side', { audience: 'team' }),
    say(all.alice, conversationId, 'cites nothing', { replyTo: newKey() }),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual([...good.map(() => 'fulfilled'), ...Array(3).fill('rejected')])
  const seqs = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value.seq : []))
  expect(Math.max(...seqs) - Math.min(...seqs)).toBe(9)
})
