import { type ConversationSnapshot, type Message, ParleyError } from '@parley/protocol'
import { startTestServer, type TestServer } from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lineOf } from '../actor.ts'
import type { Context } from '../context.ts'
import { listConversations } from '../inbox/inbox.service.ts'
import { listMessages } from '../messages/message-pages.service.ts'
import { demoConversations } from './demo.content.ts'
import { type DemoPerson, seedDemo } from './demo.service.ts'
import { type DemoUserId, demoUsers } from './demo-people.ts'
import { momentOf } from './demo-time.ts'

let server: TestServer
let people: DemoPerson[]

beforeAll(async () => {
  server = await startTestServer()
  people = (await seedDemo(server.running.services, server.running.identity)) ?? []
})

afterAll(() => server.close())

const as = (id: DemoUserId): Context => ({
  ...server.running.services,
  actor: { workspaceId: 'default', userId: id, role: demoUsers[id].role },
})

async function inboxOf(id: DemoUserId): Promise<ConversationSnapshot[]> {
  const views = await Promise.all(
    (['all', 'archived'] as const).map((view) => listConversations(as(id), { view, limit: 50 })),
  )
  return [...new Map(views.flatMap(({ items }) => items).map((item) => [item.conversation.id, item])).values()]
}

async function messagesOf(id: DemoUserId, conversationId: string): Promise<Message[]> {
  return (await listMessages(as(id), { conversationId, limit: 200 })).items
}

test('K5 links for three people, each usable once', async () => {
  expect(people.map(({ name, role }) => `${name}: ${role}`)).toEqual([
    'Ana Ferreira: administrator',
    'Luis Ortega: team member',
    'Dana Whitfield: client, Acme Ltd',
  ])
  const { identity } = server.running
  for (const { name, token } of people) {
    const { me } = await identity.signInWithLink({ token }, '127.0.0.1')
    expect(me).toMatchObject({ workspace: { id: 'default', name: 'Fernhill Studio' }, user: { name } })
    await expect(identity.signInWithLink({ token }, '127.0.0.1')).rejects.toThrow(ParleyError)
  }
})

test('K5 a second start adds nothing', async () => {
  const count = () => server.database.query('select count(*) from messages')
  const before = await count()
  expect(await seedDemo(server.running.services, server.running.identity)).toBeNull()
  expect(await count()).toEqual(before)
})

test('K5 everybody finds the conversations and unread counts the content says', async () => {
  for (const id of Object.keys(demoUsers) as DemoUserId[]) {
    const expected = demoConversations
      .filter(({ people }) => people.includes(id))
      .map(({ subject, unread }) => ({ subject: subject ?? null, unread: unread?.[id] ?? 0 }))
    const found = (await inboxOf(id)).map(({ conversation, unread }) => ({ subject: conversation.subject, unread }))
    const sorted = (list: typeof found) => list.toSorted((a, b) => String(a.subject).localeCompare(String(b.subject)))
    expect(sorted(found), id).toEqual(sorted(expected))
  }
})

test('K5 messages stand in the order of their times, none in the future, and the list follows them', async () => {
  for (const id of Object.keys(demoUsers) as DemoUserId[]) {
    const inbox = await listConversations(as(id), { view: 'all', limit: 50 })
    const activity = inbox.items.map((item) => Date.parse(item.activityAt))
    expect(activity).toEqual(activity.toSorted((a, b) => b - a))
    for (const { conversation, activityAt } of inbox.items) {
      const messages = await messagesOf(id, conversation.id)
      const times = messages.map((message) => Date.parse(message.createdAt))
      expect(times, conversation.subject ?? '').toEqual(times.toSorted((a, b) => a - b))
      expect(times.at(-1)).toBeLessThan(Date.now())
      expect(activityAt).toBe(messages.findLast((message) => message.kind !== 'system')?.createdAt)
      expect(Date.parse(conversation.createdAt)).toBe(times[0])
    }
  }
})

test('A4 SEC-75 clients and partners see no note, and no hole where one stands', async () => {
  for (const id of Object.keys(demoUsers) as DemoUserId[]) {
    const messages = (await Promise.all((await inboxOf(id)).map((item) => messagesOf(id, item.conversation.id)))).flat()
    const notes = messages.filter((message) => message.audience === 'team')
    if (lineOf(as(id).actor) === 'public') expect(notes).toEqual([])
    else expect(messages.length).toBeGreaterThan(5)
  }
})

test('K5 there are notes, quotes, an edited and a deleted message, and every status', async () => {
  const inbox = await inboxOf('ana')
  expect(new Set(inbox.map(({ conversation }) => conversation.status))).toEqual(
    new Set(['open', 'waiting', 'closed', 'archived']),
  )
  const messages = (await Promise.all(inbox.map((item) => messagesOf('ana', item.conversation.id)))).flat()
  expect(messages.filter((message) => message.audience === 'team').length).toBeGreaterThan(3)
  expect(messages.filter((message) => message.quote !== null).length).toBeGreaterThan(5)
  expect(messages.filter((message) => message.editedAt !== null).length).toBe(2)
  expect(messages.filter((message) => message.deletedAt !== null).map((message) => message.text)).toEqual([''])
})

test.each([
  ['25m', '2026-03-02T09:35'],
  ['1d 14:05', '2026-02-27T14:05'],
  ['2d 09:00', '2026-02-26T09:00'],
  ['6d 09:00', '2026-02-20T09:00'],
] as const)('K5 %s before Monday 10:00 is %s', (time, expected) => {
  expect(momentOf(time, new Date('2026-03-02T10:00').getTime())).toEqual(new Date(expected))
})
