import { setTimeout as sleep } from 'node:timers/promises'
import { type Person, person, say, startConversation, startTestServer, type TestServer } from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Line } from './actor.ts'
import { Delivery, type Reader } from './delivery.ts'
import type { Frame } from './realtime-frame.ts'

let server: TestServer
let alice: Person
let yan: Person

beforeAll(async () => {
  server = await startTestServer()
  alice = await person(server, { id: 'alice', role: 'member', workspace: 'w1' })
  yan = await person(server, { id: 'yan', role: 'member', workspace: 'w1' })
})

afterAll(() => server.close())

/**
 * What Yan, on a line, is told by a node that begins to read the log of a conversation only now.
 * @param failing what happens while nothing can be read yet
 */
async function toldLate(
  conversationId: string,
  line: Line,
  from: number,
  seq: number,
  failing = async () => {},
): Promise<string[]> {
  const delivery = new Delivery(server.running.services)
  const frames: Frame[] = []
  const { promise: told, resolve } = Promise.withResolvers<void>()
  const readerOf = (userId: string, push: (frame: Frame) => void): Reader => {
    return {
      workspaceId: 'w1',
      userId,
      line: userId === 'yan' ? line : 'team',
      outlets: new Set([{ push, keepsUp: () => true }]),
    }
  }
  const lastOf = ({ payload }: Frame) => (payload as { readonly seq: number }).seq === seq
  const watching = readerOf('alice', (frame) => lastOf(frame) && resolve())
  delivery.arrive(watching)
  delivery.arrive(readerOf('yan', (frame) => frames.push(frame)))
  const membership = { conversationId, seq: from, fromSeq: 0 }
  const place = async () => ({ memberships: from === 0 ? [] : [membership] })
  await delivery.place(watching, place, async () => membership)
  delivery.hint({ workspaceId: 'w1', conversationId, from, seq, joined: ['alice', 'yan'] })
  await failing()
  await told
  return frames.map(({ type }) => type)
}

test.each([
  ['internal', 'team', ['conversation-created', 'new-message']],
  ['internal', 'public', []],
  ['external', 'public', ['conversation-created', 'new-message']],
] as const)(
  'SEC-53 who was in an %s conversation from the start is told late, on the %s line',
  async (kind, line, told) => {
    const { conversation } = await startConversation(alice, [yan], { kind })
    const { seq } = await say(alice, conversation.id, 'hello')
    expect(await toldLate(conversation.id, line, 0, seq)).toEqual(told)
  },
)

test.each([
  ['internal', 'team', ['participant-added', 'new-message', 'new-message']],
  ['internal', 'public', []],
  ['external', 'public', ['participant-added', 'new-message', 'new-message']],
] as const)('SEC-53 who came into an %s conversation is told late, on the %s line', async (kind, line, told) => {
  const { conversation } = await startConversation(alice, [], { kind })
  await alice.call('addParticipant', { conversationId: conversation.id, userId: 'yan' })
  const { seq } = await say(alice, conversation.id, 'hello')
  expect(await toldLate(conversation.id, line, 1, seq)).toEqual(told)
})

test('G11 who is new to a node is told although the first reading of the log failed', async () => {
  const { conversation } = await startConversation(alice, [yan])
  const { seq } = await say(alice, conversation.id, 'hello')
  await server.database.query('alter table changes rename to hidden')
  const failing = async () => {
    await sleep(200)
    await server.database.query('alter table hidden rename to changes')
  }
  expect(await toldLate(conversation.id, 'team', 0, seq, failing)).toEqual(['conversation-created', 'new-message'])
})
