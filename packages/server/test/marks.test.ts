import {
  newMark,
  note,
  type People,
  type Person,
  people,
  say,
  startConversation,
  startTestServer,
  type TestServer,
  type TestSocket,
} from '@parley/testing'
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

/** What a socket was told to be read in a conversation; a mark of just before it connected may come too, of any other. */
function readIn(conversationId: string, socket: TestSocket): unknown[] {
  return (socket.named('message-read') as { conversationId: string }[]).filter(
    (mark) => mark.conversationId === conversationId,
  )
}

async function headOf(viewer: Person, conversationId: string): Promise<number> {
  return (await viewer.call('getConversation', { conversationId })).conversation.seq
}

/** The marks of somebody, as somebody else finds them. */
async function marksOf(viewer: Person, conversationId: string, userId: string): Promise<[number, number]> {
  const { items } = await viewer.call('listParticipants', { conversationId })
  const found = items.find((participant) => participant.userId === userId)
  return [found?.readSeq ?? -1, found?.deliveredSeq ?? -1]
}

/** Unread messages as a person would count them who sees the whole conversation. */
async function counted(viewer: Person, conversationId: string): Promise<number> {
  const [readSeq] = await marksOf(viewer, conversationId, viewer.id)
  const { items } = await viewer.call('listMessages', { conversationId, limit: 200 })
  const unread = items.filter(({ seq, senderId, kind, deletedAt }) => {
    return seq > readSeq && senderId !== viewer.id && kind !== 'system' && deletedAt === null
  })
  return unread.length
}

async function unreadIn(viewer: Person, conversationId: string): Promise<number[]> {
  const { conversation } = await viewer.call('getConversation', { conversationId })
  const { items } = await viewer.call('listConversations', { limit: 200 })
  const unreadView = await viewer.call('listConversations', { view: 'unread', limit: 200 })
  const listed = items.find((item) => item.conversation.id === conversationId)?.unread ?? -1
  const inView = unreadView.items.find((item) => item.conversation.id === conversationId)?.unread ?? 0
  return [conversation.unread, listed, inView]
}

test('G12 of many marks at once, in any order, the greatest stands', async () => {
  const conversationId = await shared()
  for (let index = 0; index < 20; index += 1) await say(all.alice, conversationId, `${index}`)
  const asked = Array.from({ length: 40 }, (_value, index) => (index * 7) % 19)
  await Promise.all(asked.map((seq) => all.bob.call('markRead', { conversationId, seq })))
  await Promise.all(asked.map((seq) => all.carol.call('markDelivered', { conversationId, seq })))
  expect(await marksOf(all.alice, conversationId, 'bob')).toEqual([18, 18])
  expect(await marksOf(all.alice, conversationId, 'carol')).toEqual([0, 18])
})

test('G12 a mark never goes back', async () => {
  const conversationId = await shared()
  const { seq } = await say(all.alice, conversationId, 'text')
  expect(await all.bob.call('markRead', { conversationId, seq })).toEqual({ readSeq: seq, unread: 0 })
  expect(await all.bob.call('markRead', { conversationId, seq: seq - 1 })).toEqual({ readSeq: seq, unread: 0 })
  expect(await all.bob.call('markRead', { conversationId, seq: 0 })).toEqual({ readSeq: seq, unread: 0 })
  expect(await all.bob.call('markDelivered', { conversationId, seq: 0 })).toEqual({ deliveredSeq: seq })
})

test('G12 a mark never runs ahead: it is clamped to the head of its line, and does not hide what comes later', async () => {
  const conversationId = await shared()
  await note(all.alice, conversationId, 'note')
  await say(all.alice, conversationId, 'text')
  for (const viewer of [all.bob, all.carol]) {
    const head = await headOf(viewer, conversationId)
    const marked = await viewer.call('markRead', { conversationId, seq: Number.MAX_SAFE_INTEGER })
    expect(marked).toEqual({ readSeq: head, unread: 0 })
  }
  await say(all.alice, conversationId, 'later')
  expect(await unreadIn(all.bob, conversationId)).toEqual([1, 1, 1])
  expect(await unreadIn(all.carol, conversationId)).toEqual([1, 1, 1])
})

test('G12 what is not a position is refused, and so is a mark for somebody else', async () => {
  const conversationId = await shared()
  const { seq } = await say(all.alice, conversationId, 'text')
  const path = `/api/messaging/conversations/${conversationId}/read`
  const headers = { 'content-type': 'application/json' }
  for (const body of [
    '{"seq":-1}',
    '{"seq":1.5}',
    '{"seq":"1"}',
    '{"seq":null}',
    '{"seq":1e309}',
    '{}',
    `{"seq":1,"userId":"carol"}`,
  ]) {
    expect((await all.bob.send({ method: 'POST', path, headers, body })).status, body).toBe(400)
  }
  expect(await marksOf(all.alice, conversationId, 'carol')).toEqual([0, 0])
  expect(await marksOf(all.alice, conversationId, 'bob')).toEqual([0, 0])
  expect(seq).toBeGreaterThan(0)
})

test('G12 unread is the count of visible unread messages, for every viewer at every position', async () => {
  const conversationId = await shared()
  const hidden = await note(all.alice, conversationId, 'note')
  await say(all.carol, conversationId, 'from carol')
  const gone = await say(all.alice, conversationId, 'to be deleted')
  await all.alice.call('updateConversation', { conversationId, subject: 'a system message' })
  await note(all.bob, conversationId, 'citing')
  await say(all.bob, conversationId, 'from bob')
  await all.alice.call('deleteMessage', { messageId: gone.id })
  await all.alice.call('addParticipant', { conversationId, userId: 'dave' })
  await say(all.alice, conversationId, 'last', { replyTo: (await say(all.bob, conversationId, 'cited')).id })
  await all.alice.call('deleteMessage', { messageId: hidden.id })
  for (const viewer of [all.alice, all.bob, all.carol, all.dave]) {
    const head = await headOf(viewer, conversationId)
    for (let seq = 0; seq <= head; seq += 1) {
      const { unread } = await viewer.call('markRead', { conversationId, seq })
      const expected = await counted(viewer, conversationId)
      expect([unread, ...(await unreadIn(viewer, conversationId))], `${viewer.id} at ${seq}`).toEqual(
        Array(4).fill(expected),
      )
    }
    expect(await unreadIn(viewer, conversationId), viewer.id).toEqual([0, 0, 0])
  }
})

test('G12 what is read was delivered; what was delivered is not read', async () => {
  const conversationId = await shared()
  const { seq } = await say(all.alice, conversationId, 'text')
  await all.bob.call('markDelivered', { conversationId, seq })
  expect(await marksOf(all.alice, conversationId, 'bob')).toEqual([0, seq])
  await all.carol.call('markRead', { conversationId, seq })
  expect(await marksOf(all.alice, conversationId, 'carol')).toEqual([seq, seq])
})

test('G12 a mark that another device has overtaken meanwhile is answered as it stands', async () => {
  const conversationId = await shared()
  const first = await say(all.alice, conversationId, 'first')
  const last = await say(all.alice, conversationId, 'last')
  const client = new pg.Client(server.database.connection)
  await client.connect()
  await client.query('begin')
  await client.query('select 1 from parley.conversations where id = $1 for update', [conversationId])
  const waiting = async () => {
    const [row] = await server.database.query<{ count: string }>(
      `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    return Number(row?.count)
  }
  const further = all.bob.call('markRead', { conversationId, seq: last.seq })
  await expect.poll(waiting).toBe(1)
  const behind = all.bob.call('markRead', { conversationId, seq: first.seq })
  await expect.poll(waiting).toBe(2)
  await client.query('commit')
  await client.end()
  expect(await further).toEqual({ readSeq: last.seq, unread: 0 })
  expect(await behind).toEqual({ readSeq: last.seq, unread: 0 })
})

test('G12 others hear of a mark once, each in his own line, and find the same when they load afresh', async () => {
  const conversationId = await shared()
  await note(all.alice, conversationId, 'note')
  const { seq } = await say(all.alice, conversationId, 'text')
  const [alice, carol] = await Promise.all([all.alice.online(), all.carol.online()])
  await all.bob.call('markRead', { conversationId, seq })
  await all.bob.call('markRead', { conversationId, seq })
  await all.bob.call('markRead', { conversationId, seq: seq - 1 })
  const barrier = await startConversation(all.alice, [all.carol])
  await Promise.all([alice, carol].map((socket) => socket.reached(barrier.conversation.id, 1)))
  const publicSeq = await headOf(all.carol, conversationId)
  expect(publicSeq).toBe(seq - 1)
  expect(readIn(conversationId, alice)).toEqual([{ conversationId, userId: 'bob', seq }])
  expect(readIn(conversationId, carol)).toEqual([{ conversationId, userId: 'bob', seq: publicSeq }])
  expect(await marksOf(all.alice, conversationId, 'bob')).toEqual([seq, seq])
  expect(await marksOf(all.carol, conversationId, 'bob')).toEqual([publicSeq, publicSeq])
  alice.close()
  carol.close()
})

test('G12 a mark of the other side stands, for the team, at the same message', async () => {
  const conversationId = await shared()
  await note(all.alice, conversationId, 'note')
  const message = await say(all.alice, conversationId, 'text')
  await note(all.alice, conversationId, 'another note')
  await all.carol.call('markRead', { conversationId, seq: await headOf(all.carol, conversationId) })
  expect(await marksOf(all.alice, conversationId, 'carol')).toEqual([message.seq, message.seq])
})

test('G12 marks and unread outlive a restart, and a clock that is wrong by years', async () => {
  const conversationId = await shared()
  const first = await say(all.alice, conversationId, 'first')
  await all.bob.call('markRead', { conversationId, seq: first.seq })
  await server.restart()
  const years = 5 * 365 * 24 * 60 * 60 * 1000
  server.travel(-years)
  const second = await say(all.alice, conversationId, newMark())
  expect(second.seq).toBe(first.seq + 1)
  expect(await unreadIn(all.bob, conversationId)).toEqual([1, 1, 1])
  expect(await all.bob.call('markRead', { conversationId, seq: second.seq })).toEqual({
    readSeq: second.seq,
    unread: 0,
  })
  server.travel(years)
})
