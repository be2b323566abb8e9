import { limits, type OperationName, ParleyError } from '@parley/protocol'
import { expect, test } from 'vitest'
import { settle } from './fake-clock.ts'
import { type Harness, harness, heldBack, known, type Network } from './harness.ts'
import { conversationId, Model } from './model.ts'

function talk(model: Model, count: number): void {
  for (let i = 0; i < count; i += 1) model.send('ann', `text ${model.head}`)
}

async function loaded({ count = 3, messages = true, network }: Partial<Given> = {}) {
  const model = new Model('me', ['me', 'ann'])
  talk(model, count)
  const client = harness(model, network)
  if (messages) await client.messages.open(conversationId)
  else await client.sync.load(conversationId)
  client.asked.length = 0
  const have = () => client.sync.have(conversationId)
  const timeline = () => client.store.getState().timelines[conversationId]
  return { model, client, have, timeline }
}

interface Given {
  readonly count: number
  readonly messages: boolean
  readonly network: Network
}

test('CL-2 an event that follows is applied, one that came already changes nothing', async () => {
  const { model, client, have } = await loaded()
  talk(model, 1)
  client.sync.receive(model.event(model.head))
  const state = client.store.getState()
  expect(have()).toBe(model.head)
  client.sync.receive(model.event(model.head))
  client.sync.receive(model.event(1))
  expect(client.store.getState()).toBe(state)
  expect(client.asked).toEqual([])
})

test('CL-2 events out of order make one request, and each is applied once', async () => {
  const { model, client, timeline } = await loaded()
  talk(model, 5)
  for (const back of [0, 2, 1, 4, 3]) client.sync.receive(model.event(model.head - back))
  await settle()
  expect(client.asked).toEqual(['listChanges'])
  expect(timeline()?.items.map(({ seq }) => seq)).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
  expect(known(client)).toEqual(model.snapshot())
})

test('CL-2 an event that accounts for what the viewer may not see is applied without asking', async () => {
  const { model, client, have } = await loaded()
  model.rename('hidden')
  talk(model, 1)
  client.sync.receive({ ...model.event(model.head), prev: model.head - 2 })
  expect(have()).toBe(model.head)
  expect(client.asked).toEqual([])
})

test('CL-2 what is missing is fetched again and again until it worked', async () => {
  let failures = 0
  const network: Network = async (name: OperationName, answer) => {
    if (name === 'listChanges' && failures < 3) {
      failures += 1
      throw new ParleyError('unavailable')
    }
    return answer()
  }
  const { model, client, have } = await loaded({ network })
  talk(model, 2)
  client.sync.receive(model.event(model.head))
  await settle()
  await client.clock.advance(30_000)
  expect(failures).toBe(3)
  expect(have()).toBe(model.head)
})

test('CL-2 what is heard of while changes are fetched is fetched too, when they were read before', async () => {
  const { network, letGo } = heldBack('listChanges')
  const { model, client, have } = await loaded({ network })
  client.sync.fetchLater(conversationId, model.head + 1)
  talk(model, 2)
  client.sync.receive(model.event(model.head))
  await letGo()
  await letGo()
  expect(have()).toBe(model.head)
})

test('CL-2 what is heard of a conversation that is not here yet is not missed by an answer that was read before', async () => {
  const model = new Model('me', ['me', 'ann'])
  talk(model, 2)
  const client = harness(model)
  const page = model.snapshot()
  model.join('ben')
  client.sync.receive(model.event(model.head))
  expect(client.asked).toEqual([])
  client.sync.accept(page)
  await settle()
  expect(client.asked).toEqual(['getConversation'])
  expect(known(client)).toEqual(model.snapshot())
})

test('CL-2 a conversation that is not here is loaded when it changes: it may belong into a list now', async () => {
  const model = new Model('me', ['me', 'ann'])
  const client = harness(model)
  model.rename('opened again')
  client.sync.receive(model.event(model.head))
  await settle()
  expect(known(client)).toEqual(model.snapshot())
})

test('CL-2 who comes while only a newer snapshot arrives is in the list of participants too', async () => {
  const { model, client } = await loaded({ messages: false })
  await client.participants.load(conversationId)
  model.join('ben')
  client.sync.accept(model.snapshot())
  await settle()
  expect(client.store.getState().participants[conversationId]?.items).toEqual(model.participants().items)
})

test.each([
  ['few', 1],
  ['more than are filled', 5 * limits.changesPage],
])('CL-2 people whose page was read %s changes ago are those of now', async (_how, changes) => {
  const { network, letGo } = heldBack('listParticipants')
  const { model, client } = await loaded({ messages: false, network })
  const loading = client.participants.load(conversationId)
  model.join('ben')
  talk(model, changes)
  client.sync.receive(model.event(model.head))
  await settle()
  await letGo()
  await loading
  expect(client.store.getState().participants[conversationId]?.items).toEqual(model.participants().items)
})

test.each([
  [true, 5],
  [false, 1],
])('CL-6 with messages loaded: %s, a gap of %i pages is filled, a wider one leapt over', async (messages, pages) => {
  const narrow = await loaded({ messages })
  talk(narrow.model, pages * limits.changesPage)
  await narrow.client.sync.catchUp(conversationId, narrow.model.head)
  const asked = narrow.client.asked.filter((name) => name !== 'getConversation')
  expect(asked).toEqual(Array.from({ length: pages }, () => 'listChanges'))
  await settle()
  const wide = await loaded({ messages })
  talk(wide.model, pages * limits.changesPage + 1)
  await wide.client.sync.catchUp(conversationId, wide.model.head)
  await settle()
  expect(wide.client.asked).toEqual(messages ? ['getConversation', 'listMessages'] : ['getConversation'])
  for (const { model, client, timeline } of [narrow, wide]) {
    expect(known(client)).toEqual(model.snapshot())
    expect(timeline()?.items.at(-1)?.seq).toBe(messages ? model.head : undefined)
  }
})

test('CL-6 what is written while a gap is leapt over is not missed', async () => {
  const { model, client, have, timeline } = await loaded()
  talk(model, 6 * limits.changesPage)
  const leap = client.sync.catchUp(conversationId, model.head)
  talk(model, 1)
  client.sync.receive(model.event(model.head))
  await leap
  await settle()
  expect(have()).toBe(model.head)
  expect(timeline()?.items.at(-1)?.seq).toBe(model.head)
})

test('CL-8 of a long conversation 400 messages stay, on the side that is looked at', async () => {
  const { model, client, timeline } = await loaded({ count: 450 })
  for (let i = 0; i < 10; i += 1) await client.messages.loadBefore(conversationId)
  expect(timeline()?.items).toHaveLength(400)
  expect(timeline()).toMatchObject({ hasBefore: false, hasAfter: true })
  expect(timeline()?.items[0]?.seq).toBe(2)
  await client.messages.loadLatest(conversationId)
  talk(model, 400)
  for (let seq = model.head - 399; seq <= model.head; seq += 1) client.sync.receive(model.event(seq))
  expect(timeline()?.items).toHaveLength(400)
  expect(timeline()).toMatchObject({ hasBefore: true, hasAfter: false })
  expect(timeline()?.items.at(-1)?.seq).toBe(model.head)
})

test('CL-8 messages of the 20 conversations used last are kept', async () => {
  const { client } = await loaded()
  const { store } = client
  const loads = Array.from({ length: 20 }, (_, index) => `other-${index}`)
  for (const id of loads.slice(0, 19)) await client.messages.open(id).catch(() => {})
  await client.messages.open(conversationId)
  for (const id of loads.slice(19)) await client.messages.open(id).catch(() => {})
  const kept = Object.keys(store.getState().timelines)
  expect(kept).toHaveLength(20)
  expect(kept).toContain(conversationId)
  expect(kept).not.toContain('other-0')
})

test('CL-9 being removed takes everything away but what was written', async () => {
  const { model, client } = await loaded()
  client.messages.send(conversationId, { text: 'unsent' })
  model.expel()
  client.sync.receive(model.event(model.head))
  const { conversations, timelines, outbox } = client.store.getState()
  expect([conversations, timelines]).toEqual([{}, {}])
  expect(outbox[conversationId]).toMatchObject([{ text: 'unsent' }])
})

test.each([
  ['is heard of', ({ sync }: Harness, model: Model) => sync.receive(model.event(model.head))],
  ['turns out', ({ sync }: Harness) => sync.drop(conversationId)],
  [
    'is fetched',
    ({ sync }: Harness, model: Model) => sync.applyStretch(conversationId, 1, [model.event(model.head)], model.head),
  ],
])('CL-9 after a removal that %s, an answer from before it brings nothing back', async (_how, remove) => {
  const { model, client, have } = await loaded()
  const page = model.snapshot()
  model.expel()
  remove(client, model)
  client.sync.accept(page)
  await settle()
  expect(have()).toBeUndefined()
  expect(client.asked).toEqual(['getConversation'])
})

test.each([
  ['changes are fetched', ({ sync }: Harness, head: number) => sync.catchUp(conversationId, head)],
  ['a wide gap is leapt over', ({ sync }: Harness, head: number) => sync.catchUp(conversationId, head + 2_000)],
  ['it is loaded again', ({ sync }: Harness) => sync.load(conversationId)],
])('CL-9 a conversation that turns out to be gone when %s is removed', async (_when, ask) => {
  const { model, client } = await loaded()
  model.expel()
  await ask(client, model.head).catch(() => {})
  const { conversations, timelines } = client.store.getState()
  expect([conversations, timelines]).toEqual([{}, {}])
})

test.each([
  [
    'events',
    ({ sync }: Harness, model: Model) => {
      for (const seq of [model.head - 1, model.head]) sync.receive(model.event(seq))
    },
  ],
  ['a list', ({ sync }: Harness, model: Model) => sync.accept(model.snapshot())],
])('CL-9 a refusal of changes from before %s told of being added again takes nothing away', async (_how, tell) => {
  const { network, letGo } = heldBack('listChanges')
  const { model, client } = await loaded({ messages: false, network })
  talk(model, 2)
  const late = model.event(model.head)
  model.expel()
  client.sync.receive(late)
  model.join('me')
  tell(client, model)
  await letGo()
  await letGo()
  expect(known(client)).toEqual(model.snapshot())
})

test('CL-9 a refusal from before one was added does not leave the conversation out', async () => {
  const { network, letGo } = heldBack('getConversation')
  const model = new Model('me', ['ann'])
  const client = harness(model, network)
  client.sync.loadLater(conversationId)
  model.join('me')
  client.sync.receive(model.event(model.head))
  await letGo()
  await letGo()
  expect(known(client)).toEqual(model.snapshot())
})

test('CL-9 being added again loads afresh, with messages where they were shown', async () => {
  const { model, client, timeline } = await loaded()
  const have = model.head
  model.rejoin()
  client.sync.receive({ ...model.event(model.head), prev: have })
  await settle()
  expect(known(client)).toEqual(model.snapshot())
  expect(timeline()?.status).toBe('ready')
})

test('CL-9 being added again many changes after the removal loads afresh too', async () => {
  const { model, client } = await loaded()
  model.expel()
  talk(model, limits.changesPage)
  model.join('me')
  client.sync.receive(model.event(model.head))
  await settle()
  expect(known(client)).toEqual(model.snapshot())
})
