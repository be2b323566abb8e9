import { limits } from '@parley/protocol'
import {
  newKey,
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
import { afterAll, beforeAll, expect, test } from 'vitest'

let server: TestServer
let all: People

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
})

afterAll(() => server.close())

/** Everything somebody can get over HTTP about a conversation, as text. */
async function surface(
  viewer: Person,
  conversationId: string,
  messageIds: readonly string[],
  words: readonly string[],
): Promise<string> {
  const positions = [0, 1, 2, 3, 5, 8, 13]
  const answers = await Promise.all([
    viewer.callRaw('getMe', {}),
    viewer.callRaw('listUsers', {}),
    ...words.map((q) => viewer.callRaw('listUsers', { q })),
    ...words.map((q) => viewer.callRaw('listConversations', { q })),
    ...(['all', 'unread', 'archived'] as const).map((view) => viewer.callRaw('listConversations', { view })),
    viewer.callRaw('getConversation', { conversationId }),
    viewer.callRaw('listParticipants', { conversationId }),
    viewer.callRaw('listMessages', { conversationId, limit: limits.pageMax }),
    ...positions.flatMap((at) => [
      viewer.callRaw('listMessages', { conversationId, after: at }),
      viewer.callRaw('listMessages', { conversationId, before: at + 1 }),
      viewer.callRaw('listMessages', { conversationId, around: at, limit: 4 }),
      viewer.callRaw('listChanges', { conversationId, after: at }),
      viewer.callRaw('listChanges', { conversationId, after: at, limit: 1 }),
    ]),
    ...messageIds.map((messageId) => viewer.callRaw('getMessage', { messageId })),
    ...messageIds.map((messageId) => viewer.callRaw('editMessage', { messageId, text: 'x' })),
    ...messageIds.map((messageId) => viewer.callRaw('deleteMessage', { messageId })),
    ...messageIds.map((replyTo) =>
      viewer.callRaw('sendMessage', { conversationId, clientKey: newKey(), text: 'x', replyTo }),
    ),
  ])
  return answers.map(({ text }) => text).join('\n')
}

/** Waits until everything that was committed has reached a socket. */
async function settle(socket: TestSocket, viewer: Person): Promise<void> {
  const { conversation } = await startConversation(all.alice, [viewer])
  await socket.reached(conversation.id, 1)
}

interface Secret {
  readonly conversationId: string
  readonly mark: string
  readonly noteIds: readonly string[]
}

/** Notes that are written, cited, edited, deleted, read and typed, between messages that everyone may see. */
async function whisper(alice: TestSocket): Promise<Secret> {
  const mark = newMark()
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  const conversationId = conversation.id
  await say(all.alice, conversationId, 'one')
  const first = await note(all.alice, conversationId, `${mark} first`)
  const cited = await say(all.carol, conversationId, 'two')
  const second = await say(all.bob, conversationId, `${mark} second`, { audience: 'team', replyTo: first.id })
  const third = await say(all.bob, conversationId, `${mark} third`, { audience: 'team', replyTo: cited.id })
  await all.alice.call('editMessage', { messageId: first.id, text: `${mark} edited` })
  await alice.command('start-typing', { conversationId, audience: 'team' })
  await alice.command('stop-typing', { conversationId, audience: 'team' })
  await all.bob.call('markRead', { conversationId, seq: 100 })
  await all.bob.call('deleteMessage', { messageId: third.id })
  await say(all.alice, conversationId, 'three')
  await note(all.bob, conversationId, `${mark} last`)
  return { conversationId, mark, noteIds: [first.id, second.id, third.id] }
}

test('N1 nothing of a note reaches the other side, by any answer or frame', async () => {
  const [alice, carol] = await Promise.all([all.alice.online(), all.carol.online()])
  const { conversationId, mark, noteIds } = await whisper(alice)
  await settle(carol, all.carol)
  const answers = await surface(all.carol, conversationId, noteIds, [mark, mark.slice(0, 12)])
  const { epoch } = await all.carol.call('getMe', {})
  const resumed = await carol.command('resume', { epoch, cursors: { [conversationId]: 1 } })
  const received = `${answers}\n${JSON.stringify(carol.frames)}\n${JSON.stringify(resumed)}`
  for (const secret of [mark, '"team"', ...noteIds]) expect(received).not.toContain(secret)
  expect(await surface(all.bob, conversationId, noteIds, [mark])).toContain(mark)
  alice.close()
  carol.close()
})

test('N2 the numbers of the other side have no hole that betrays a note', async () => {
  const [alice, carol] = await Promise.all([all.alice.online(), all.carol.online()])
  const { conversationId } = await whisper(alice)
  const { items, seq } = await all.carol.call('listChanges', { conversationId, after: 0 })
  await carol.reached(conversationId, seq)
  for (const events of [items, carol.events(conversationId)]) {
    expect(events.map((event) => [event.prev, event.seq])).toEqual(events.map((_event, index) => [index, index + 1]))
    expect(events).toHaveLength(seq)
  }
  const { conversation } = await all.carol.call('getConversation', { conversationId })
  const messages = await all.carol.call('listMessages', { conversationId })
  expect([conversation.seq, messages.seq, conversation.lastMessage?.seq]).toEqual([seq, seq, seq])
  expect(conversation.unread).toBe(2)
  alice.close()
  carol.close()
})

test('N3 notes do not move a conversation, its unread count or its preview for the other side', async () => {
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  await say(all.alice, conversation.id, 'visible')
  await say(all.alice, (await startConversation(all.alice, [all.carol])).conversation.id, 'newer')
  const before = await all.carol.callRaw('listConversations', {})
  await note(all.bob, conversation.id, newMark())
  expect((await all.carol.callRaw('listConversations', {})).text).toBe(before.text)
  const { items } = await all.alice.call('listConversations', {})
  expect(items[0]).toMatchObject({
    conversation: { id: conversation.id },
    unread: 1,
    lastMessage: { audience: 'team' },
  })
})

test('N4 writing, typing, reading and deleting notes sends the other side no frame at all', async () => {
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  const conversationId = conversation.id
  await say(all.alice, conversationId, 'visible')
  await all.bob.call('markRead', { conversationId, seq: 100 })
  const [alice, carol] = await Promise.all([all.alice.online(), all.carol.online()])
  await settle(carol, all.carol)
  const known = carol.frames.length
  const hidden = await note(all.alice, conversationId, 'hidden')
  await alice.command('start-typing', { conversationId, audience: 'team' })
  await all.bob.call('markDelivered', { conversationId, seq: 100 })
  await all.bob.call('markRead', { conversationId, seq: 100 })
  await all.alice.call('deleteMessage', { messageId: hidden.id })
  await settle(carol, all.carol)
  const later = carol.frames.slice(known).filter(({ payload }) => JSON.stringify(payload).includes(conversationId))
  expect(later).toEqual([])
  alice.close()
  carol.close()
})

test('N5 marks of the team on notes stand, for the other side, at the last message both know of', async () => {
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  const conversationId = conversation.id
  const visible = await say(all.carol, conversationId, 'visible')
  await note(all.alice, conversationId, 'hidden')
  await all.bob.call('markRead', { conversationId, seq: 100 })
  const { items } = await all.carol.call('listParticipants', { conversationId })
  expect(items.find(({ userId }) => userId === 'bob')).toMatchObject({
    readSeq: visible.seq,
    deliveredSeq: visible.seq,
  })
})

test('N6 a message the other side forges as a note, or with fields of the server, is refused', async () => {
  const { conversation } = await startConversation(all.alice, [all.carol])
  const path = `/api/messaging/conversations/${conversation.id}/messages`
  const headers = { 'content-type': 'application/json' }
  const forged = ['senderId', 'seq', 'publicSeq', 'kind', 'system', 'createdAt', 'deletedAt', 'workspaceId', 'id']
  for (const field of forged) {
    const body = JSON.stringify({ clientKey: newKey(), text: 'x', [field]: 'alice' })
    expect((await all.carol.send({ method: 'POST', path, headers, body })).status, field).toBe(400)
  }
  expect((await all.alice.call('listMessages', { conversationId: conversation.id })).items).toEqual([])
})
