import { type People, people, say, startTestServer, type TestServer } from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importLines } from './import.service.ts'
import { importedIds } from './import-ids.ts'
import { parseLine } from './import-line.ts'

let server: TestServer
let all: People

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
})

afterAll(() => server.close())

const line = (index: number, author: string, more: object = {}): string =>
  JSON.stringify({
    conversation: 'a',
    index,
    at: `2010-05-01T10:0${index}:00Z`,
    author,
    text: `text ${index}`,
    ...more,
  })

async function bring(lines: readonly string[]): Promise<void> {
  async function* parsed() {
    for (const [position, json] of lines.entries()) yield parseLine(position + 1, json, Date.now())
  }
  const options = { source: 'irc', kind: 'external' as const, participants: ['alice', 'carol'] }
  const watch = { onProgress: () => undefined, onFault: () => undefined }
  await importLines(server.running.services, 'w1', options, parsed(), watch)
}

const { conversationId } = importedIds('irc', 'a')

test('IMP4 IMP6 what was imported is served like what was sent, and a conversation that grew is a gap that resume closes', async () => {
  const first = [line(0, 'ann'), line(1, 'ben', { replyTo: 0 })]
  await bring(first)
  const before = await all.carol.call('getConversation', { conversationId })
  expect(before.conversation).toMatchObject({
    seq: 3,
    unread: 0,
    participantCount: 4,
    activityAt: '2010-05-01T10:01:00.000Z',
  })
  expect(before.conversation.lastMessage).toMatchObject({ text: 'text 1', quote: { text: 'text 0', deleted: false } })
  const { items } = await all.alice.call('listConversations', {})
  expect(items.map((item) => item.conversation.subject)).toEqual(['a'])
  await expect(all.dave.call('getConversation', { conversationId })).rejects.toMatchObject({ code: 'not_found' })

  await say(all.alice, conversationId, 'sent meanwhile')
  await bring([...first, line(2, 'cat', { replyTo: 1 })])
  const socket = await all.carol.socket()
  const { epoch } = await all.carol.call('getMe', {})
  const resumed = await socket.command('resume', { epoch, cursors: { [conversationId]: before.conversation.seq } })
  expect(resumed).toMatchObject({ status: 'ok', heads: { [conversationId]: 6 } })
  expect(resumed).toMatchObject({
    events: [
      { type: 'new-message', seq: 4, data: { message: { text: 'sent meanwhile' } } },
      { type: 'participant-added', seq: 5, data: { user: { name: 'cat' } } },
      { type: 'new-message', seq: 6, prev: 5, data: { message: { text: 'text 2', quote: { text: 'text 1' } } } },
    ],
  })
  await socket.close()
})

test('IMP6 a message sent while an import runs keeps its place: the line has no holes', async () => {
  const grown = Array.from({ length: 10 }, (_, index) => line(index, `p${index}`, { conversation: 'b' }))
  const { conversationId: other } = importedIds('irc', 'b')
  await bring(grown.slice(0, 1))
  const sends = Array.from({ length: 20 }, (_, at) => say(all.alice, other, `live ${at}`))
  await Promise.all([bring(grown), ...sends])
  const page = await all.alice.call('listChanges', { conversationId: other, after: 0 })
  expect(page.items.map(({ seq }) => seq)).toEqual(page.items.map((_, at) => at + 1))
  expect(page.seq).toBe(page.items.length)
  expect(page.items.filter(({ type }) => type === 'new-message')).toHaveLength(30)
})
