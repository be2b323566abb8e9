import { ParleyError, type Participant } from '@parley/protocol'
import { expect, test } from 'vitest'
import { settle } from './fake-clock.ts'
import { type Harness, harness, heldBack, known, type Network } from './harness.ts'
import { conversationId, Model } from './model.ts'

const me = 'me'

function talked(count: number): Model {
  const model = new Model(me, [me, 'ann'])
  for (let i = 0; i < count; i += 1) model.send('ann', `text ${i}`)
  return model
}

test('CL-43 a mark that is heard of while its conversation is on its way is not lost', async () => {
  const model = talked(5)
  const { network, letGo } = heldBack('getConversation')
  const client = harness(model, network)
  const loading = client.sync.load(conversationId)
  client.reads.moved({ conversationId, userId: 'ann', seq: 4 }, 'readSeq')
  client.reads.moved({ conversationId: 'other', userId: 'ann', seq: 9 }, 'readSeq')
  await letGo()
  await loading
  expect(known(client)?.participants.find(({ userId }) => userId === 'ann')).toMatchObject({
    readSeq: 4,
    deliveredSeq: 4,
  })
})

function listed({ store }: Harness, userId: string): Participant | undefined {
  return store.getState().participants[conversationId]?.items.find((one) => one.userId === userId)
}

test('CL-43 a mark that is heard of while the participants are on their way is not lost', async () => {
  const { network, letGo } = heldBack('listParticipants')
  const client = harness(talked(5), network)
  await client.sync.load(conversationId)
  const loading = client.participants.load(conversationId)
  client.reads.moved({ conversationId, userId: 'ann', seq: 4 }, 'deliveredSeq')
  await letGo()
  await loading
  expect(listed(client, 'ann')?.deliveredSeq).toBe(4)
})

test('CL-43 a mark that only a newer snapshot brings moves in the list of participants too', async () => {
  const model = talked(5)
  const client = harness(model)
  await client.sync.load(conversationId)
  await client.participants.load(conversationId)
  const snapshot = model.snapshot()
  const participants = snapshot.participants.map((one) => (one.userId === 'ann' ? { ...one, deliveredSeq: 4 } : one))
  client.sync.accept({ ...snapshot, participants })
  expect(known(client)?.participants.find(({ userId }) => userId === 'ann')?.deliveredSeq).toBe(4)
  expect(listed(client, 'ann')?.deliveredSeq).toBe(4)
})

test('CL-43 CL-42 a mark of another device that comes with a newer snapshot makes the unread count right', async () => {
  const model = talked(120)
  const client = harness(model)
  await client.messages.loadAround(conversationId, 5)
  model.send('ann', 'later')
  model.read(100)
  client.sync.accept(model.snapshot())
  await settle()
  expect(known(client)).toEqual(model.snapshot())
})

test('CL-43 CL-42 an answer from before the mark does not leave its count behind', async () => {
  const model = talked(120)
  const { network, letGo } = heldBack('getConversation')
  const client = harness(model, network)
  const opening = client.messages.loadAround(conversationId, 5)
  await letGo()
  await opening
  client.sync.loadLater(conversationId)
  await settle()
  client.reads.markRead(conversationId, 100)
  await client.clock.advance(2_000)
  await letGo()
  await letGo()
  expect(known(client)).toEqual(model.snapshot())
})

test.each([0, 1])(
  'CL-43 CL-42 an answer from before a mark that came with a list, %i messages ago, does not bring its count back',
  async (messages) => {
    const model = talked(120)
    const { network, letGo } = heldBack('getConversation')
    const client = harness(model, network)
    const loading = client.sync.load(conversationId)
    model.read(100)
    for (let i = 0; i < messages; i += 1) model.send('ann', 'later')
    client.sync.accept(model.snapshot())
    await letGo()
    await letGo()
    await loading
    expect(known(client)).toEqual(model.snapshot())
    expect(client.asked.filter((name) => name === 'getConversation')).toHaveLength(2)
  },
)

test('CL-43 loading again goes on until it worked, and ends with what is not there', async () => {
  const model = talked(3)
  let failure: ParleyError | null = new ParleyError('unavailable')
  const network: Network = async (_name, answer) => {
    if (failure) throw failure
    return answer()
  }
  const client = harness(model, network)
  client.sync.loadLater(conversationId)
  await settle()
  await client.clock.advance(3_000)
  expect(client.asked.length).toBeGreaterThan(1)
  failure = null
  await client.clock.advance(20_000)
  expect(known(client)).toEqual(model.snapshot())
  failure = new ParleyError('not_found')
  client.asked.length = 0
  client.sync.loadLater(conversationId)
  await settle()
  await client.clock.advance(60_000)
  expect(client.asked).toEqual(['getConversation'])
})
