import {
  newMark,
  type People,
  type Person,
  people,
  say,
  startConversation,
  startTestServer,
  type TestServer,
  type TestSocket,
} from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

let server: TestServer
let all: People

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
})

afterAll(() => server.close())

const refused = (code: string) => expect.objectContaining({ name: 'ParleyError', code })

async function headOf(viewer: Person, conversationId: string): Promise<number> {
  return (await viewer.call('getConversation', { conversationId })).conversation.seq
}

/** Where the removals of somebody stand in a line. */
async function removals(conversationId: string, userId: string, column: 'seq' | 'public_seq'): Promise<number[]> {
  const rows = await server.database.query<{ at: number }>(
    `select ${column} as at from changes where conversation_id = $1 and type = 'participant-removed' and entity_id = $2 order by seq`,
    [conversationId, userId],
  )
  return rows.map(({ at }) => at)
}

/** The highest position a socket was told of, in durable and ephemeral frames. */
function highest(socket: TestSocket, conversationId: string): number {
  const positions = socket.frames
    .map(({ payload }) => payload as { conversationId?: string; seq?: number })
    .filter((payload) => payload.conversationId === conversationId)
    .map(({ seq }) => seq ?? 0)
  return Math.max(0, ...positions)
}

/** One round: a person is removed while three others write, edit, type and read. */
async function race(removed: Person, conversationId: string, watcher: TestSocket): Promise<void> {
  const first = await say(all.alice, conversationId, 'first')
  await Promise.all([
    say(all.alice, conversationId, newMark()),
    all.alice.call('removeParticipant', { conversationId, userId: removed.id }),
    all.alice.call('editMessage', { messageId: first.id, text: newMark() }),
    ...['markRead', 'markDelivered'].map(async (mark) => {
      await say(all.bob, conversationId, newMark())
      await all.alice.call(mark as 'markRead' | 'markDelivered', { conversationId, seq: 1_000_000 })
    }),
  ])
  await watcher.reached(conversationId, await headOf(all.bob, conversationId))
}

test.each([
  ['carol of the other side', 'carol', 'public_seq'],
  ['eve of the team', 'eve', 'seq'],
] as const)(
  'G9 %s is removed while others write, 500 times: nothing above the removal arrives',
  async (_name, id, column) => {
    const removed = all[id]
    const [socket, watcher] = await Promise.all([removed.online(), all.bob.online()])
    const conversations: string[] = []
    const worker = async () => {
      for (let round = 0; round < 50; round += 1) {
        const { conversation } = await startConversation(all.alice, [all.bob, removed])
        conversations.push(conversation.id)
        await race(removed, conversation.id, watcher)
      }
    }
    await Promise.all(Array.from({ length: 10 }, worker))
    // Who was removed before delivery came to the beginning of the conversation hears nothing of it.
    const told = conversations.filter((conversationId) => highest(socket, conversationId) > 0)
    expect(told.length).toBeGreaterThan(conversations.length * 0.8)
    for (const conversationId of told) {
      const [at = 0] = await removals(conversationId, removed.id, column)
      expect(highest(socket, conversationId), conversationId).toBe(at)
      const seqs = socket.events(conversationId).map(({ seq }) => seq)
      expect(seqs).toEqual(seqs.map((_seq, index) => index + 1))
    }
    socket.close()
    watcher.close()
  },
  120_000,
)

test('G9 a removed person is refused at once, everywhere, like somebody who was never there', async () => {
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  const conversationId = conversation.id
  const own = await say(all.carol, conversationId, 'mine')
  await all.alice.call('removeParticipant', { conversationId, userId: 'carol' })
  const attempts = await Promise.allSettled([
    all.carol.call('getConversation', { conversationId }),
    all.carol.call('listMessages', { conversationId }),
    all.carol.call('listChanges', { conversationId, after: 0 }),
    all.carol.call('listParticipants', { conversationId }),
    all.carol.call('getMessage', { messageId: own.id }),
    all.carol.call('editMessage', { messageId: own.id, text: 'changed' }),
    all.carol.call('deleteMessage', { messageId: own.id }),
    all.carol.call('markRead', { conversationId, seq: 1 }),
    all.carol.call('sendMessage', { conversationId, clientKey: own.clientKey, text: 'mine' }),
    say(all.carol, conversationId, 'still here'),
  ])
  for (const attempt of attempts) expect(attempt).toMatchObject({ reason: refused('not_found') })
  const { items } = await all.carol.call('listConversations', { view: 'all' })
  expect(items.map((item) => item.conversation.id)).not.toContain(conversationId)
})

test('G9 a removed person gets no content, edit, title, mark, typing or presence of the conversation any more', async () => {
  const { conversation } = await startConversation(all.alice, [all.bob, all.dave])
  const conversationId = conversation.id
  const message = await say(all.alice, conversationId, 'before')
  const [socket, alice] = await Promise.all([all.dave.online(), all.alice.online()])
  await all.alice.call('removeParticipant', { conversationId, userId: 'dave' })
  await socket.frame(({ name }) => name === 'participant-removed')
  const known = socket.frames.length
  const mark = newMark()
  await alice.command('start-typing', { conversationId, audience: 'everyone' })
  await all.alice.call('editMessage', { messageId: message.id, text: mark })
  await all.alice.call('updateConversation', { conversationId, subject: mark })
  await all.bob.call('markRead', { conversationId, seq: 3 })
  await say(all.bob, conversationId, mark)
  await alice.reached(conversationId, await headOf(all.alice, conversationId))
  const other = await startConversation(all.carol, [all.alice])
  const barrier = await startConversation(all.alice, [all.dave])
  await socket.reached(barrier.conversation.id, 1)
  const later = socket.frames.slice(known).filter(({ payload }) => JSON.stringify(payload).includes(conversationId))
  expect(later).toEqual([])
  expect(JSON.stringify(socket.frames)).not.toContain(mark)
  expect(JSON.stringify(socket.frames)).not.toContain(other.conversation.id)
  socket.close()
  alice.close()
})

test('G9 resume with an old cursor does not name a conversation one was removed from', async () => {
  const kept = await startConversation(all.alice, [all.dave])
  const lost = await startConversation(all.alice, [all.dave])
  await all.alice.call('removeParticipant', { conversationId: lost.conversation.id, userId: 'dave' })
  await say(all.alice, lost.conversation.id, 'not for dave')
  await say(all.alice, kept.conversation.id, 'for dave')
  const { epoch } = await all.dave.call('getMe', {})
  const socket = await all.dave.socket()
  const cursors = { [kept.conversation.id]: kept.seq, [lost.conversation.id]: lost.seq }
  const answer = await socket.command('resume', { epoch, cursors })
  expect(Object.keys(answer.heads)).toContain(kept.conversation.id)
  expect(JSON.stringify(answer)).not.toContain(lost.conversation.id)
  expect(answer.events.map(({ conversationId }) => conversationId)).toEqual([kept.conversation.id])
  socket.close()
})

test('G9 who comes back does not see what was said meanwhile', async () => {
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  const conversationId = conversation.id
  const old = await say(all.alice, conversationId, 'before')
  const held = await headOf(all.carol, conversationId)
  const socket = await all.carol.online()
  await all.alice.call('removeParticipant', { conversationId, userId: 'carol' })
  const mark = newMark()
  const hidden = await say(all.alice, conversationId, mark)
  await all.alice.call('addParticipant', { conversationId, userId: 'carol', history: 'none' })
  await all.alice.call('editMessage', { messageId: hidden.id, text: `${mark} edited` })
  await all.alice.call('editMessage', { messageId: old.id, text: `${mark} too` })
  await say(all.bob, conversationId, 'citing', { replyTo: hidden.id })
  await socket.reached(conversationId, await headOf(all.carol, conversationId))
  const pages = await Promise.all([
    all.carol.callRaw('listMessages', { conversationId }),
    all.carol.callRaw('listChanges', { conversationId, after: 0 }),
    all.carol.callRaw('listChanges', { conversationId, after: held }),
    all.carol.callRaw('getConversation', { conversationId }),
    all.carol.callRaw('listConversations', {}),
    all.carol.callRaw('getMessage', { messageId: hidden.id }),
  ])
  const { epoch } = await all.carol.call('getMe', {})
  const resumed = await socket.command('resume', { epoch, cursors: { [conversationId]: held } })
  expect(JSON.stringify([pages.map(({ text }) => text), socket.frames, resumed])).not.toContain(mark)
  await expect(say(all.carol, conversationId, 'x', { replyTo: hidden.id })).rejects.toEqual(refused('not_found'))
  socket.close()
})

test('G9 who comes back sees nothing of the time away, live or fetched', async () => {
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  const conversationId = conversation.id
  const socket = await all.carol.online()
  await all.alice.call('removeParticipant', { conversationId, userId: 'carol' })
  await say(all.alice, conversationId, 'meanwhile')
  await all.alice.call('addParticipant', { conversationId, userId: 'carol' })
  await say(all.alice, conversationId, 'again')
  await socket.reached(conversationId, await headOf(all.carol, conversationId))
  const live = socket.events(conversationId)
  const page = await all.carol.call('listChanges', { conversationId, after: 0 })
  for (const events of [live, page.items]) {
    expect(JSON.stringify(events)).toContain('again')
    expect(JSON.stringify(events)).not.toContain('meanwhile')
  }
  const seqs = live.map((event) => event.seq)
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
  socket.close()
})

test('A7 two owners who remove each other, 100 times: one is left, and the conversation has an owner', async () => {
  const round = async () => {
    const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
    const conversationId = conversation.id
    await all.alice.call('updateParticipant', { conversationId, userId: 'bob', role: 'owner' })
    const outcomes = await Promise.allSettled([
      all.alice.call('removeParticipant', { conversationId, userId: 'bob' }),
      all.bob.call('removeParticipant', { conversationId, userId: 'alice' }),
    ])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const { items } = await all.carol.call('listParticipants', { conversationId })
    expect(items.some(({ role }) => role === 'owner')).toBe(true)
  }
  for (let index = 0; index < 10; index += 1) await Promise.all(Array.from({ length: 10 }, round))
})
