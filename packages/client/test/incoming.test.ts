import type { DurableEvent, Message } from '@parley/protocol'
import { say, signToken, startConversation } from '@parley/testing'
import { expect, test } from 'vitest'
import { Incoming } from '../src/incoming.ts'
import { clientWith, goOffline, isOnline, network, server, until, who } from './scene.ts'

const cameIn = (seq: number, given: Partial<Message> = {}) =>
  ({
    type: 'new-message',
    conversationId: 'c',
    seq,
    data: { message: { text: `${seq}`, deletedAt: null, ...given } },
  }) as DurableEvent

test('CL-65 each message is told once, in order; deleted ones and those who stopped listening are left out', async () => {
  const incoming = new Incoming()
  const [told, others]: [string[], string[]] = [[], []]
  incoming.listen(({ text }) => told.push(text))
  const stop = incoming.listen(({ text }) => others.push(text))
  incoming.hear([cameIn(1), cameIn(2), cameIn(2)])
  await Promise.resolve()
  stop()
  incoming.hear([cameIn(1), cameIn(3, { deletedAt: '2026-01-01T00:00:00.000Z' }), cameIn(4)])
  await Promise.resolve()
  expect({ told, others }).toEqual({ told: ['1', '2', '4'], others: ['1', '2'] })
})

test('CL-65 a listener that throws keeps nobody from hearing', async () => {
  const incoming = new Incoming()
  const told: string[] = []
  const failure = new Promise((resolve) => process.once('uncaughtException', resolve))
  incoming.listen(() => {
    throw new Error('of the host')
  })
  incoming.listen(({ text }) => told.push(text))
  incoming.hear([cameIn(1)])
  expect(await failure).toMatchObject({ message: 'of the host' })
  expect(told).toEqual(['1'])
})

test('CL-65 live, missed, and of a conversation that is not loaded: each message is told once', async () => {
  const elsewhere = await who.bob.online()
  const { conversation } = await startConversation(who.alice, [who.bob])
  const { seq } = await say(who.alice, conversation.id, 'history')
  await elsewhere.reached(conversation.id, seq)
  const bob = clientWith({ serverUrl: network.url, getToken: () => signToken(server, who.bob) })
  const told: string[] = []
  bob.messages.onNew(({ text }) => told.push(text))
  await bob.start()
  await until(() => isOnline(bob), 'online')
  await bob.conversations.load({})
  await say(who.alice, conversation.id, 'live')
  await until(() => told.length === 1, 'live')
  await goOffline(bob)
  for (const text of ['missed 1', 'missed 2', 'missed 3']) await say(who.alice, conversation.id, text)
  network.flow()
  await until(() => isOnline(bob), 'online again')
  const other = await startConversation(who.alice, [who.bob])
  await say(who.alice, other.conversation.id, 'elsewhere')
  await until(() => told.length >= 5, 'all')
  bob.messages.send(conversation.id, { text: 'own' })
  await until(() => told.length >= 6, 'own')
  expect(told).toEqual(['live', 'missed 1', 'missed 2', 'missed 3', 'elsewhere', 'own'])
  elsewhere.close()
})
