import { limits } from '@parley/protocol'
import { note, type People, people, say, startConversation, startTestServer, type TestServer } from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { watchOldChanges } from './forget.service.ts'

let server: TestServer
let all: People

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
})

afterAll(() => server.close())

function forget(): Promise<number> {
  const { look, close } = watchOldChanges(server.running.services)
  return look().finally(close)
}

const positions = (conversationId: string) =>
  server.database.query<{ seq: string }>('select seq from changes where conversation_id = $1 order by seq', [
    conversationId,
  ])

/** Makes the changes of a conversation up to a position older than the log is kept. */
async function age(conversationId: string, upTo: number): Promise<void> {
  await server.database.query(
    'update changes set created_at = now() - $3::interval where conversation_id = $1 and seq <= $2',
    [conversationId, upTo, `${limits.changesKept / 1000 + 60} seconds`],
  )
}

/** A conversation of both sides with notes in between, whose changes up to a position are older than the log is kept. */
async function aged(upTo: number): Promise<{ id: string; head: number }> {
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  for (const text of ['one', 'two', 'three']) {
    await say(all.alice, conversation.id, text)
    await note(all.bob, conversation.id, text)
  }
  await age(conversation.id, upTo)
  return { id: conversation.id, head: (await positions(conversation.id)).length }
}

const changesOf = (who: People['alice'], conversationId: string, after: number) =>
  who.call('listChanges', { conversationId, after })

test('G6 the log forgets what is older than 30 days, and keeps the rest without a hole', async () => {
  const { id, head } = await aged(4)
  await server.database.query('update changes set created_at = now() where conversation_id = $1 and seq = 2', [id])
  expect(await forget()).toBe(3)
  expect((await positions(id)).map(({ seq }) => Number(seq))).toEqual(Array.from({ length: head - 4 }, (_, n) => n + 5))
  expect(await forget()).toBe(0)
  const { items } = await all.alice.call('listMessages', { conversationId: id })
  expect(items.map(({ text }) => text)).toEqual(['one', 'one', 'two', 'two', 'three', 'three'])
})

test('G6 a server whose clock is ahead forgets nothing before its time', async () => {
  const ahead = await startTestServer()
  const { alice, bob } = await people(ahead)
  const { conversation } = await startConversation(alice, [bob])
  ahead.travel(2 * limits.changesKept)
  const { look, close } = watchOldChanges(ahead.running.services)
  expect(await look()).toBe(0)
  close()
  ahead.travel(-2 * limits.changesKept)
  expect((await changesOf(bob, conversation.id, 0)).items).not.toEqual([])
  await ahead.close()
})

test('G6 who stands before the beginning of the log is told to load afresh, on either line; who stands behind it goes on', async () => {
  const { id, head } = await aged(4)
  await forget()
  expect(await changesOf(all.alice, id, 3)).toMatchObject({ status: 'resync', items: [], seq: head, more: false })
  const team = await changesOf(all.alice, id, 4)
  expect([team.status, team.items.map(({ seq }) => seq)]).toEqual(['ok', [5, 6, 7]])
  expect(await changesOf(all.alice, id, head)).toMatchObject({ status: 'ok', items: [] })
  expect(await changesOf(all.carol, id, 2)).toMatchObject({ status: 'resync' })
  const outside = await changesOf(all.carol, id, 3)
  expect([outside.status, outside.items.map(({ seq }) => seq)]).toEqual(['ok', [4]])
})

test('G6 a resumption from before the beginning of a log is told to load afresh', async () => {
  const { id, head } = await aged(4)
  await forget()
  const socket = await all.alice.socket()
  const { epoch } = server.running.services.db
  const resume = (seq: number) => socket.command('resume', { epoch, cursors: { [id]: seq } })
  expect(await resume(2)).toMatchObject({ status: 'resync', heads: { [id]: head }, events: [], behind: [] })
  const { status, events } = await resume(5)
  expect([status, events.map(({ seq }) => seq)]).toEqual(['ok', [6, 7]])
  await say(all.bob, id, 'four')
  await socket.reached(id, head + 1)
  socket.close()
})

test('G6 who was added later goes on from where his history begins, as long as the log knows of it', async () => {
  const { id, head } = await aged(0)
  await all.alice.call('addParticipant', { conversationId: id, userId: all.root.id, history: 'none' })
  await say(all.alice, id, 'welcome')
  const { status, items } = await changesOf(all.root, id, 1)
  expect([status, items.map(({ seq }) => seq)]).toEqual(['ok', [head + 1, head + 2, head + 3]])
  await age(id, head + 1)
  await forget()
  expect(await changesOf(all.root, id, 1)).toMatchObject({ status: 'resync' })
  const rest = await changesOf(all.root, id, head + 1)
  expect([rest.status, rest.items.map(({ seq }) => seq)]).toEqual(['ok', [head + 2, head + 3]])
})

test('G6 a conversation all of whose changes are forgotten goes on from its head', async () => {
  const { id, head } = await aged(1_000)
  await forget()
  expect(await positions(id)).toEqual([])
  expect(await changesOf(all.alice, id, head - 1)).toMatchObject({ status: 'resync' })
  await say(all.alice, id, 'four')
  const { status, items } = await changesOf(all.bob, id, head)
  expect([status, items.map(({ seq }) => seq)]).toEqual(['ok', [head + 1]])
})
