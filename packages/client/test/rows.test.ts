import { expect, test } from 'vitest'
import { selectRows } from '../src/rows.ts'
import { settle } from './fake-clock.ts'
import { type Harness, harness, type Network } from './harness.ts'
import { conversationId, Model } from './model.ts'

/** A client over a network whose sends are answered when they are let. */
async function talking() {
  const model = new Model('me', ['me', 'ann'])
  model.send('ann', 'hello')
  const gate = Promise.withResolvers<void>()
  const network: Network = async (name, answer) => {
    const value = answer()
    if (name === 'sendMessage') await gate.promise
    return value
  }
  const client = harness(model, network)
  await client.messages.open(conversationId)
  const answer = async () => {
    gate.resolve()
    await settle()
  }
  return { model, client, answer }
}

function rowsOf({ store }: Harness) {
  return selectRows(store.getState(), conversationId)
}

function shown(client: Harness) {
  return rowsOf(client).map(({ key, message, pending, status }) => [key, (message ?? pending)?.text, status])
}

test.each(['event', 'answer'])('CL-1 a row keeps its key and its place when the %s comes first', async (first) => {
  const { model, client, answer } = await talking()
  const key = client.messages.send(conversationId, { text: 'mine' })
  expect(shown(client).at(-1)).toEqual([key, 'mine', 'queued'])
  await client.outbox.open('me')
  await settle()
  expect(shown(client).at(-1)).toEqual([key, 'mine', 'sending'])
  const event = () => client.sync.receive(model.event(model.head))
  if (first === 'event') event()
  else await answer()
  expect(shown(client)).toEqual([
    ['m2', 'hello', null],
    [key, 'mine', 'sent'],
  ])
  const rows = rowsOf(client)
  if (first === 'event') await answer()
  else event()
  expect(shown(client)).toHaveLength(2)
  expect(rowsOf(client)[1]?.key).toBe(rows[1]?.key)
})

test('CL-1 sent, delivered and read follow the marks of the others', async () => {
  const { model, client } = await talking()
  const own = model.send('me', 'mine', { clientKey: 'k1' })
  client.sync.receive(model.event(model.head))
  const status = () => rowsOf(client).at(-1)?.status
  expect(status()).toBe('sent')
  client.reads.moved({ conversationId, userId: 'me', seq: own.seq }, 'readSeq')
  expect(status()).toBe('sent')
  client.reads.moved({ conversationId, userId: 'ann', seq: own.seq }, 'deliveredSeq')
  expect(status()).toBe('delivered')
  client.reads.moved({ conversationId, userId: 'ann', seq: own.seq }, 'readSeq')
  expect(status()).toBe('read')
})

test('CL-1 rows and the whole keep their reference while nothing of them changes', async () => {
  const { model, client } = await talking()
  model.send('me', 'mine', { clientKey: 'k1' })
  client.sync.receive(model.event(model.head))
  const before = rowsOf(client)
  model.rename('Renamed')
  client.sync.receive(model.event(model.head))
  expect(rowsOf(client)).toBe(before)
  model.send('ann', 'more')
  client.sync.receive(model.event(model.head))
  const after = rowsOf(client)
  expect(after.slice(0, 2)).toEqual(before)
  expect([after[0] === before[0], after[1] === before[1]]).toEqual([true, true])
})

test('CL-1 pending rows are not shown in the middle of a conversation', async () => {
  const model = new Model('me', ['me', 'ann'])
  for (let i = 0; i < 200; i += 1) model.send('ann', `text ${i}`)
  const client = harness(model)
  await client.messages.loadAround(conversationId, 50)
  const key = client.messages.send(conversationId, { text: 'mine' })
  expect(rowsOf(client).map((row) => row.key)).not.toContain(key)
  await client.messages.loadLatest(conversationId)
  expect(rowsOf(client).at(-1)?.key).toBe(key)
})

test('CL-1 keys sort in the order they were made, also when the clock goes back', async () => {
  const { client } = await talking()
  const keys = [client.messages.send(conversationId, { text: '1' })]
  client.clock.jump(-60 * 60 * 1000)
  for (let i = 2; i < 5; i += 1) keys.push(client.messages.send(conversationId, { text: `${i}` }))
  expect([...keys].sort()).toEqual(keys)
  expect(shown(client).map(([, text]) => text)).toEqual(['hello', '1', '2', '3', '4'])
})
