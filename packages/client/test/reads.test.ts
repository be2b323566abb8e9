import { limits, ParleyError } from '@parley/protocol'
import { expect, test } from 'vitest'
import { unreachable } from '../src/http-errors.ts'
import { settle } from './fake-clock.ts'
import { harness, known, type Network } from './harness.ts'
import { conversationId, Model } from './model.ts'

async function loaded({ count = 10, messages = true, network }: Partial<Given> = {}) {
  const model = new Model('me', ['me', 'ann'])
  for (let i = 0; i < count; i += 1) model.send('ann', `text ${i}`)
  const client = harness(model, network)
  if (messages) await client.messages.open(conversationId)
  else await client.sync.load(conversationId)
  client.asked.length = 0
  const readSeq = () => known(client)?.participants.find(({ userId }) => userId === 'me')?.readSeq
  return { model, client, readSeq, unread: () => known(client)?.unread }
}

interface Given {
  readonly count: number
  readonly messages: boolean
  readonly network: Network
}

test('CL-40 a mark never goes back', async () => {
  const { client, readSeq, unread } = await loaded()
  client.reads.markRead(conversationId, 8)
  client.reads.markRead(conversationId, 3)
  client.reads.moved({ conversationId, userId: 'me', seq: 5 }, 'readSeq')
  expect([readSeq(), unread()]).toEqual([8, 3])
  await client.clock.advance(5_000)
  expect(client.asked).toEqual(['markRead'])
})

test('CL-40 an older snapshot does not take a mark back', async () => {
  const { model, client, readSeq } = await loaded({ messages: false })
  const old = model.snapshot()
  client.reads.markRead(conversationId, 8)
  client.sync.accept(old)
  expect(readSeq()).toBe(8)
})

test('CL-40 a mark stays within what is known of the conversation', async () => {
  const { model, client, readSeq, unread } = await loaded()
  client.reads.markRead(conversationId, 1_000_000)
  expect([readSeq(), unread()]).toEqual([model.head, 0])
  model.send('ann', 'later')
  client.sync.receive(model.event(model.head))
  expect(unread()).toBe(1)
})

test('CL-40 nothing is marked in a conversation that is not known', async () => {
  const { client } = await loaded()
  client.sync.drop(conversationId)
  client.reads.markRead(conversationId, 5)
  client.reads.markDelivered(conversationId, 5)
  await client.clock.advance(5_000)
  expect(client.asked).toEqual([])
})

test('CL-41 marks show at once and are told once a second, the furthest one', async () => {
  const told: number[] = []
  const { model, client, unread } = await loaded()
  const read = model.read.bind(model)
  model.read = (seq) => {
    told.push(seq)
    return read(seq)
  }
  client.reads.markRead(conversationId, 2)
  await client.clock.advance(0)
  for (const seq of [3, 4, 5, 6]) {
    client.reads.markRead(conversationId, seq)
    await client.clock.advance(200)
  }
  expect(unread()).toBe(5)
  expect(told).toEqual([2])
  await client.clock.advance(1_000)
  expect(told).toEqual([2, 6])
})

test('CL-41 a mark is told as soon when the clock on the wall was set back', async () => {
  const { model, client } = await loaded()
  client.reads.markRead(conversationId, 2)
  await client.clock.advance(1_000)
  client.clock.jump(-3_600_000)
  client.reads.markRead(conversationId, model.head)
  await client.clock.advance(1_000)
  expect(model.snapshot().unread).toBe(0)
})

test('CL-41 a mark that could not be told is told again', async () => {
  let failures = 0
  const network: Network = async (name, answer) => {
    if (name === 'markRead' && failures < 4) {
      failures += 1
      throw new ParleyError('unavailable')
    }
    return answer()
  }
  const { model, client } = await loaded({ network })
  client.reads.markRead(conversationId, model.head)
  await client.clock.advance(120_000)
  expect(failures).toBe(4)
  expect(model.snapshot().unread).toBe(0)
  expect(client.clock.next()).toBeNull()
})

test('CL-19 a mark that was on its way when somebody left is not told as the next one', async () => {
  const held: PromiseWithResolvers<void>[] = []
  const network: Network = async (name, answer) => {
    if (name === 'markRead') await held[held.push(Promise.withResolvers<void>()) - 1]?.promise
    return answer()
  }
  const { model, client } = await loaded({ network })
  client.reads.markRead(conversationId, model.head)
  await client.clock.advance(1_000)
  client.reads.reset()
  held[0]?.reject(unreachable('superseded'))
  await client.clock.advance(120_000)
  expect(held).toHaveLength(1)
  expect(client.clock.next()).toBeNull()
})

test('CL-41 while nobody is signed in a mark is kept back, and told once there is a connection', async () => {
  let [signedIn, tries] = [false, 0]
  const network: Network = async (name, answer) => {
    if (name === 'markRead') tries += 1
    if (name === 'markRead' && !signedIn) throw new ParleyError('unauthenticated')
    return answer()
  }
  const { model, client } = await loaded({ network })
  client.reads.markRead(conversationId, model.head)
  await client.clock.advance(120_000)
  expect(tries).toBe(1)
  signedIn = true
  client.reads.resume()
  await client.clock.advance(1_000)
  expect(model.snapshot().unread).toBe(0)
})

test('CL-41 a mark in a conversation one is not in any more is given up', async () => {
  const { model, client } = await loaded()
  client.reads.markRead(conversationId, 5)
  model.expel()
  await client.clock.advance(60_000)
  expect(client.asked.filter((name) => name === 'markRead')).toHaveLength(1)
  expect(client.clock.next()).toBeNull()
})

test('CL-42 own, deleted and system messages are not unread', async () => {
  const { model, client, unread } = await loaded({ count: 2 })
  const deleted = model.send('ann', 'deleted')
  client.sync.receive(model.event(model.head))
  expect(unread()).toBe(3)
  model.send('me', 'own', { clientKey: 'k1' })
  model.tell('ann')
  model.remove(deleted.id)
  for (let seq = model.head - 2; seq <= model.head; seq += 1) client.sync.receive(model.event(seq))
  expect(unread()).toBe(2)
  expect(unread()).toBe(model.snapshot().unread)
})

test('CL-42 what is unread stays right when so much was missed that the front is let go, and one of it was deleted since', async () => {
  const { model, client, unread } = await loaded()
  const missed = Array.from({ length: 500 }, (_, index) => model.send('ann', `missed ${index}`))
  model.remove(missed[9]?.id ?? '')
  await client.sync.catchUp(conversationId, model.head)
  await client.clock.advance(60_000)
  expect(unread()).toBe(model.snapshot().unread)
})

test('CL-42 a mark over a message whose deletion is still to come leaves nothing behind', async () => {
  const { model, client, unread } = await loaded({ count: 60 })
  const [first] = model.page({ after: 20, limit: 1 }).items
  model.remove(first?.id ?? '')
  await client.messages.loadAround(conversationId, 15)
  client.reads.markRead(conversationId, 40)
  await client.sync.catchUp(conversationId, model.head)
  await client.clock.advance(60_000)
  expect(unread()).toBe(model.snapshot().unread)
})

test('CL-42 where messages are not loaded, the server is asked what is unread after a mark', async () => {
  const { model, client, unread } = await loaded({ messages: false })
  client.reads.markRead(conversationId, 4)
  await client.clock.advance(2_000)
  await settle()
  expect(client.asked).toEqual(['markRead', 'getConversation'])
  expect(unread()).toBe(model.snapshot().unread)
})

test('CL-42 what cannot be counted any more stays at the limit and comes down rightly', async () => {
  const { model, client, unread } = await loaded({ count: limits.unreadCounted + 20, messages: false })
  expect(unread()).toBe(limits.unreadCounted)
  model.read(500)
  client.reads.moved({ conversationId, userId: 'me', seq: 500 }, 'readSeq')
  await settle()
  expect(unread()).toBe(model.snapshot().unread)
})
