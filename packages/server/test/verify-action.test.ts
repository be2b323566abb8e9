import { type EventType, events } from '@parley/protocol'
import {
  note,
  type People,
  type Person,
  people,
  say,
  startConversation,
  startTestServer,
  type TestServer,
  verifyAction,
} from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

let server: TestServer
let all: People
const seen = new Set<EventType>()

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
})

afterAll(() => server.close())

interface Scene {
  readonly conversationId: string
  readonly earlyId: string
  readonly messageId: string
  readonly noteId: string
}

/** Alice and bob of the team and carol of the other side have talked; then dave, and eve of the team, join without history. */
async function scene(): Promise<Scene> {
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  const conversationId = conversation.id
  const early = await say(all.alice, conversationId, 'early')
  for (const userId of ['dave', 'eve'])
    await all.alice.call('addParticipant', { conversationId, userId, history: 'none' })
  const hidden = await note(all.bob, conversationId, 'for the team')
  const message = await say(all.alice, conversationId, 'late', { replyTo: early.id })
  await say(all.carol, conversationId, 'answer', { replyTo: message.id })
  await note(all.alice, conversationId, 'citing')
  return { conversationId, earlyId: early.id, messageId: message.id, noteId: hidden.id }
}

const actions: Record<string, (scene: Scene) => Promise<unknown>> = {
  'a message': ({ conversationId }) => say(all.bob, conversationId, 'new'),
  'a message that cites': ({ conversationId, messageId }) =>
    say(all.carol, conversationId, 'new', { replyTo: messageId }),
  'a note': ({ conversationId }) => note(all.bob, conversationId, 'new'),
  'a note between messages': async ({ conversationId }) => {
    await say(all.carol, conversationId, 'one')
    await note(all.alice, conversationId, 'two')
    await say(all.alice, conversationId, 'three')
  },
  'an edit': ({ messageId }) => all.alice.call('editMessage', { messageId, text: 'edited' }),
  'an edit of a note': ({ noteId }) => all.bob.call('editMessage', { messageId: noteId, text: 'edited' }),
  'an edit of what stands before a late joiner, then a message': async ({ conversationId, earlyId }) => {
    await all.alice.call('editMessage', { messageId: earlyId, text: 'edited' })
    await say(all.alice, conversationId, 'new')
  },
  'a deletion of what stands before a late joiner, then a message': async ({ conversationId, earlyId }) => {
    await all.alice.call('deleteMessage', { messageId: earlyId })
    await say(all.alice, conversationId, 'new')
  },
  'a deletion': ({ messageId }) => all.alice.call('deleteMessage', { messageId }),
  'a deletion of a note': ({ noteId }) => all.bob.call('deleteMessage', { messageId: noteId }),
  'a subject': ({ conversationId }) => all.alice.call('updateConversation', { conversationId, subject: 'subject' }),
  'a context': ({ conversationId }) =>
    all.alice.call('updateConversation', {
      conversationId,
      context: { type: 'project', id: 'p1', title: 'Project', url: null },
    }),
  'a status': ({ conversationId }) => all.alice.call('updateConversation', { conversationId, status: 'waiting' }),
  'a person added': ({ conversationId }) => all.alice.call('addParticipant', { conversationId, userId: 'root' }),
  'a person added with history': ({ conversationId }) =>
    all.alice.call('addParticipant', { conversationId, userId: 'root', history: 'all' }),
  'a role': ({ conversationId }) =>
    all.alice.call('updateParticipant', { conversationId, userId: 'bob', role: 'owner' }),
  'a person removed': async ({ conversationId }) => {
    await all.alice.call('addParticipant', { conversationId, userId: 'root' })
    await all.alice.call('removeParticipant', { conversationId, userId: 'root' })
  },
  'a person who comes back': async ({ conversationId }) => {
    await all.alice.call('addParticipant', { conversationId, userId: 'root' })
    await all.alice.call('removeParticipant', { conversationId, userId: 'root' })
    await say(all.alice, conversationId, 'meanwhile')
    await all.alice.call('addParticipant', { conversationId, userId: 'root' })
  },
}

const viewers: Record<string, () => Person> = {
  'a team participant': () => all.bob,
  'an external participant': () => all.carol,
  'an external late joiner': () => all.dave,
  'a late joiner of the team': () => all.eve,
}

describe.each(Object.keys(viewers))('G7 %s', (viewer) => {
  test.each(Object.keys(actions))('%s: snapshot and events equal a fresh snapshot', async (action) => {
    const prepared = await scene()
    const who = viewers[viewer]?.() ?? all.bob
    const got = await verifyAction(who, prepared.conversationId, async () => actions[action]?.(prepared))
    for (const { type } of got) seen.add(type)
  })
})

test('G5 a conversation that is created reaches everybody in it as an event', async () => {
  const sockets = await Promise.all([all.alice, all.bob, all.carol].map((who) => who.online()))
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  for (const socket of sockets) {
    await socket.reached(conversation.id, 1)
    expect(socket.events(conversation.id)).toMatchObject([
      { type: 'conversation-created', seq: 1, prev: 0, data: { conversation } },
    ])
    seen.add('conversation-created')
    socket.close()
  }
})

test('G7 every event type appears in these tests', () => {
  expect(seen).toEqual(new Set(Object.keys(events)))
})
