import { limits } from '@parley/protocol'
import {
  newKey,
  newMark,
  note,
  type People,
  people,
  say,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
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

const refused = (code: string) => expect.objectContaining({ name: 'ParleyError', code })

test('G1 an acknowledged message is in the database, with its change', async () => {
  const conversationId = await shared()
  const sent = await say(all.alice, conversationId, 'hello')
  const rows = await server.database.query(
    `select m.text, c.type from messages m join changes c
       on c.workspace_id = m.workspace_id and c.conversation_id = m.conversation_id and c.seq = m.seq where m.id = $1`,
    [sent.id],
  )
  expect(rows).toEqual([{ text: 'hello', type: 'new-message' }])
})

test('G2 50 parallel sends with one key give one message and equal answers', async () => {
  const conversationId = await shared()
  const input = { conversationId, clientKey: newKey(), text: 'once' }
  const answers = await Promise.all(Array.from({ length: 50 }, () => all.alice.callRaw('sendMessage', input)))
  expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
  const page = await all.bob.call('listMessages', { conversationId })
  expect(page.items.filter(({ text }) => text === 'once')).toHaveLength(1)
})

test('G2 a retry after a restart gives the same message', async () => {
  const conversationId = await shared()
  const input = { conversationId, clientKey: newKey(), text: 'before the restart' }
  const { message } = await all.alice.call('sendMessage', input)
  await server.restart()
  expect(await all.alice.call('sendMessage', input)).toEqual({ message })
})

test('G2 a retry after an edit, a deletion or archiving answers the message as it is now', async () => {
  const conversationId = await shared()
  const input = { conversationId, clientKey: newKey(), text: 'first' }
  const { message } = await all.alice.call('sendMessage', input)
  const edited = await all.alice.call('editMessage', { messageId: message.id, text: 'second' })
  expect(await all.alice.call('sendMessage', input)).toEqual(edited)
  const deleted = await all.alice.call('deleteMessage', { messageId: message.id })
  await all.alice.call('updateConversation', { conversationId, status: 'archived' })
  expect(await all.alice.call('sendMessage', input)).toEqual(deleted)
})

test('G2 one key of two senders is two messages', async () => {
  const conversationId = await shared()
  const input = { conversationId, clientKey: newKey(), text: 'same key' }
  const [a, b] = await Promise.all([all.alice.call('sendMessage', input), all.carol.call('sendMessage', input)])
  expect(a.message.id).not.toBe(b.message.id)
})

test('G2 createConversation with one key, 20 times in parallel, gives one conversation with one first message', async () => {
  const input = {
    clientKey: newKey(),
    kind: 'external' as const,
    participants: ['carol'],
    firstMessage: { clientKey: newKey(), text: 'hello' },
  }
  const answers = await Promise.all(Array.from({ length: 20 }, () => all.alice.call('createConversation', input)))
  expect(new Set(answers.map(({ conversation }) => conversation.conversation.id)).size).toBe(1)
  const conversationId = answers[0]?.conversation.conversation.id ?? ''
  expect((await all.alice.call('listMessages', { conversationId })).items).toHaveLength(1)
})

test('G3 the same key with another text, audience, quote or conversation is refused, and nothing is replaced', async () => {
  const conversationId = await shared()
  const other = await shared()
  const first = await say(all.alice, conversationId, 'quoted')
  const input = { conversationId, clientKey: newKey(), text: 'original' }
  const { message } = await all.alice.call('sendMessage', input)
  const variants = [
    { ...input, text: 'another' },
    { ...input, audience: 'team' as const },
    { ...input, replyTo: first.id },
    { ...input, conversationId: other },
  ]
  for (const variant of variants) {
    await expect(all.alice.call('sendMessage', variant)).rejects.toEqual(refused('client_key_reused'))
  }
  expect(await all.alice.call('getMessage', { messageId: message.id })).toEqual({ message })
})

test('G3 the same key for a conversation with other content is refused', async () => {
  const input = { clientKey: newKey(), kind: 'external' as const, participants: ['carol'], subject: 'one' }
  await all.alice.call('createConversation', input)
  const again = all.alice.call('createConversation', { ...input, subject: 'two' })
  await expect(again).rejects.toEqual(refused('client_key_reused'))
})

test('G4 parallel senders get one line without a hole, each in the order of sending, the same for every reader', async () => {
  const conversationId = await shared()
  const senders = [all.alice, all.bob, all.carol]
  await Promise.all(
    senders.map(async (sender) => {
      for (let index = 0; index < 20; index += 1) await say(sender, conversationId, `${sender.id} ${index}`)
    }),
  )
  const rows = await server.database.query<{ seq: number }>(
    'select seq from changes where conversation_id = $1 order by seq',
    [conversationId],
  )
  expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_row, index) => index + 1))
  const pages = await Promise.all(
    senders.map((reader) => reader.call('listMessages', { conversationId, limit: limits.pageMax })),
  )
  const orders = pages.map(({ items }) => items.map(({ text }) => text))
  expect(orders[1]).toEqual(orders[0])
  expect(orders[2]).toEqual(orders[0])
  for (const { id } of senders) {
    const own = orders[0]?.filter((text) => text.startsWith(`${id} `))
    expect(own).toEqual(Array.from({ length: 20 }, (_value, index) => `${id} ${index}`))
  }
})

test('G5 every change takes a number of the same line', async () => {
  const conversationId = await shared()
  const message = await say(all.alice, conversationId, 'one')
  await all.alice.call('editMessage', { messageId: message.id, text: 'two' })
  await all.alice.call('deleteMessage', { messageId: message.id })
  await all.alice.call('updateConversation', { conversationId, subject: 'a title', status: 'waiting' })
  await all.alice.call('addParticipant', { conversationId, userId: 'dave' })
  await all.alice.call('updateParticipant', { conversationId, userId: 'bob', role: 'owner' })
  await all.alice.call('removeParticipant', { conversationId, userId: 'dave' })
  const { items } = await all.bob.call('listChanges', { conversationId, after: 0 })
  expect(items.map(({ seq }) => seq)).toEqual(items.map((_item, index) => index + 1))
  expect(new Set(items.map(({ type }) => type)).size).toBe(8)
})

test('W5 what changes nothing raises no event', async () => {
  const conversationId = await shared()
  const message = await say(all.alice, conversationId, 'same')
  const before = await all.alice.call('getConversation', { conversationId })
  await all.alice.call('editMessage', { messageId: message.id, text: 'same' })
  await all.alice.call('updateConversation', { conversationId, status: 'open' })
  await all.alice.call('addParticipant', { conversationId, userId: 'bob' })
  await all.alice.call('updateParticipant', { conversationId, userId: 'bob', role: 'member' })
  expect((await all.alice.call('getConversation', { conversationId })).conversation.seq).toBe(before.conversation.seq)
})

test('A1 an archived conversation takes no content, and takes it again when reopened', async () => {
  const conversationId = await shared()
  const message = await say(all.alice, conversationId, 'one')
  await all.alice.call('updateConversation', { conversationId, status: 'archived' })
  const attempts = await Promise.allSettled([
    say(all.carol, conversationId, 'two'),
    note(all.bob, conversationId, 'two'),
    all.alice.call('editMessage', { messageId: message.id, text: 'two' }),
    all.alice.call('deleteMessage', { messageId: message.id }),
    all.alice.call('addParticipant', { conversationId, userId: 'dave' }),
    all.alice.call('updateParticipant', { conversationId, userId: 'bob', role: 'owner' }),
    all.alice.call('updateConversation', { conversationId, subject: 'two' }),
    all.alice.call('updateConversation', {
      conversationId,
      context: { type: 'order', id: '1', title: 'two', url: null },
    }),
  ])
  for (const attempt of attempts) expect(attempt).toMatchObject({ reason: { code: 'conversation_archived' } })
  await all.alice.call('updateConversation', { conversationId, status: 'open', subject: 'two' })
  await say(all.carol, conversationId, 'two')
})

test('A2 a note can be quoted in a note only, and is not quotable by the other side', async () => {
  const conversationId = await shared()
  const hidden = await note(all.alice, conversationId, newMark())
  await expect(say(all.bob, conversationId, 'see', { replyTo: hidden.id })).rejects.toEqual(refused('invalid'))
  await expect(say(all.carol, conversationId, 'see', { replyTo: hidden.id })).rejects.toEqual(refused('not_found'))
  const citing = await say(all.bob, conversationId, 'see', { replyTo: hidden.id, audience: 'team' })
  expect(citing.quote).toMatchObject({ messageId: hidden.id, audience: 'team' })
})

test('A2 notes are written by the team, in external conversations', async () => {
  const internal = await startConversation(all.alice, [all.bob], { kind: 'internal' })
  await expect(note(all.bob, internal.conversation.id, 'note')).rejects.toEqual(refused('forbidden'))
  await expect(note(all.carol, await shared(), 'note')).rejects.toEqual(refused('forbidden'))
})

test('A3 a quote shows the beginning of the cited message, and nothing of it once it is deleted', async () => {
  const conversationId = await shared()
  const cited = await say(all.alice, conversationId, 'x'.repeat(500))
  const citing = await say(all.carol, conversationId, 'yes', { replyTo: cited.id })
  expect(citing.quote).toMatchObject({ text: 'x'.repeat(limits.quoteLength), deleted: false })
  await all.alice.call('deleteMessage', { messageId: cited.id })
  const { message } = await all.carol.call('getMessage', { messageId: citing.id })
  expect(message.quote).toMatchObject({ text: '', deleted: true })
})

test('A4 a message is edited by its sender only, within the edit window', async () => {
  const conversationId = await shared()
  const message = await say(all.carol, conversationId, 'one')
  for (const other of [all.alice, all.bob]) {
    await expect(other.call('editMessage', { messageId: message.id, text: 'x' })).rejects.toEqual(refused('forbidden'))
    await expect(other.call('deleteMessage', { messageId: message.id })).rejects.toEqual(refused('forbidden'))
  }
  const edited = await all.carol.call('editMessage', { messageId: message.id, text: 'two' })
  expect(edited.message).toMatchObject({ text: 'two', editedAt: expect.any(String), seq: message.seq })
  server.travel(limits.editWindow)
  await expect(all.carol.call('editMessage', { messageId: message.id, text: 'three' })).rejects.toEqual(
    refused('forbidden'),
  )
  server.travel(-limits.editWindow)
})

test('A5 a deleted message leaves a tombstone in its place, without its text anywhere, and does not come back', async () => {
  const conversationId = await shared()
  const mark = newMark()
  const message = await say(all.alice, conversationId, mark)
  await all.alice.call('deleteMessage', { messageId: message.id })
  const { items } = await all.carol.call('listMessages', { conversationId })
  expect(items.find(({ id }) => id === message.id)).toMatchObject({
    text: '',
    deletedBy: 'alice',
    deletedAt: expect.any(String),
  })
  await expect(all.alice.call('editMessage', { messageId: message.id, text: 'back' })).rejects.toEqual(
    refused('forbidden'),
  )
  const { items: changes } = await all.carol.call('listChanges', { conversationId, after: 0 })
  expect(JSON.stringify(changes)).not.toContain(mark)
  const [row] = await server.database.query('select count(*)::int as count from messages m where m::text like $1', [
    `%${mark}%`,
  ])
  expect(row).toEqual({ count: 0 })
})

test('A6 an administrator in the conversation deletes what others said; system messages stay', async () => {
  const { conversation } = await startConversation(all.alice, [all.root, all.carol], { subject: 'before' })
  const message = await say(all.carol, conversation.id, 'rude')
  await all.alice.call('updateConversation', { conversationId: conversation.id, subject: 'after' })
  expect((await all.root.call('deleteMessage', { messageId: message.id })).message.deletedBy).toBe('root')
  const { items } = await all.root.call('listMessages', { conversationId: conversation.id })
  const told = items.find(({ kind }) => kind === 'system')
  await expect(all.root.call('deleteMessage', { messageId: told?.id ?? '' })).rejects.toEqual(refused('forbidden'))
})
