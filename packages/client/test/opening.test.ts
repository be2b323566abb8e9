import { limits, type OperationName, ParleyError } from '@parley/protocol'
import { expect, test } from 'vitest'
import { unreachable } from '../src/http-errors.ts'
import { settle } from './fake-clock.ts'
import { type Harness, harness, type Network } from './harness.ts'
import { conversationId, Model } from './model.ts'

const me = 'me'

interface Underway {
  readonly name: OperationName
  readonly arrive: () => void
  readonly fail: (error: ParleyError) => void
}

/** A network whose answers arrive one by one, when they are told to. */
function slow(): {
  readonly network: Network
  readonly underway: Underway[]
  arrive(name: OperationName): Promise<void>
} {
  const underway: Underway[] = []
  const network: Network = (name, answer) => {
    const { promise, resolve, reject } = Promise.withResolvers<ReturnType<typeof answer>>()
    let value: ReturnType<typeof answer>
    try {
      value = answer()
    } catch (error) {
      return Promise.reject(error)
    }
    underway.push({ name, arrive: () => resolve(value), fail: reject })
    return promise
  }
  const arrive = async (name: OperationName) => {
    const index = underway.findIndex((one) => one.name === name)
    if (index < 0) throw new Error(`no ${name} on its way, but ${underway.map((one) => one.name)}`)
    underway.splice(index, 1)[0]?.arrive()
    await settle()
  }
  return { network, underway, arrive }
}

function timelineOf({ store }: Harness) {
  return store.getState().timelines[conversationId]
}

function talk(model: Model, count: number): void {
  for (let i = 0; i < count; i += 1) model.send('ann', `text ${i}`)
}

async function arriveAll(client: Harness, underway: Underway[]): Promise<void> {
  for (let rounds = 0; rounds < 50; rounds += 1) {
    await settle()
    const next = underway.shift()
    if (next) next.arrive()
    else if (client.clock.next() === null) return
    else await client.clock.advance(client.clock.next() ?? 0)
  }
}

test('CL-7 being removed and added again while messages are on their way still shows them', async () => {
  const model = new Model(me, [me, 'ann'])
  talk(model, 3)
  const { network, underway, arrive } = slow()
  const client = harness(model, network)
  const opening = client.messages.open(conversationId)
  await settle()
  await arrive('getConversation')
  model.rejoin()
  client.sync.receive({ ...model.event(model.head), prev: 4 })
  await settle()
  await arrive('listMessages')
  await arriveAll(client, underway)
  await opening
  expect(timelineOf(client)).toMatchObject({ status: 'ready', error: null })
  expect(timelineOf(client)?.items).toHaveLength(3)
})

test('CL-7 a conversation that goes while it is opened is an error, not an endless wait', async () => {
  const model = new Model(me, [me, 'ann'])
  talk(model, 3)
  const { network, underway, arrive } = slow()
  const client = harness(model, network)
  const opening = client.messages.open(conversationId).catch((error: unknown) => error)
  await settle()
  await arrive('getConversation')
  model.expel()
  client.sync.receive({ ...model.event(model.head), prev: 4 })
  await arrive('listMessages')
  await arriveAll(client, underway)
  expect(await opening).toMatchObject({ code: 'not_found' })
  expect(timelineOf(client)).toMatchObject({ status: 'error', error: { code: 'not_found' } })
})

test('CL-7 reading a conversation afresh over a wide gap does not wait for itself', async () => {
  const model = new Model(me, [me, 'ann'])
  talk(model, 3)
  const client = harness(model)
  await client.messages.open(conversationId)
  talk(model, limits.changesPage * 6)
  client.sync.loadLater(conversationId)
  await settle()
  await client.messages.open(conversationId)
  await settle()
  expect(timelineOf(client)?.items.at(-1)?.seq).toBe(model.head)
  expect(client.sync.have(conversationId)).toBe(model.head)
})

test('CL-7 a conversation opened before it is known who one is does not look like another database', async () => {
  const model = new Model(me, [me, 'ann'])
  talk(model, 3)
  const { network, arrive } = slow()
  const client = harness(model, network)
  const { session } = client.store.getState()
  client.store.update((state) => ({ ...state, session: { status: 'unknown', me: null } }))
  const opening = client.messages.open(conversationId)
  await settle()
  talk(model, 1)
  await arrive('getConversation')
  client.sync.fetchLater(conversationId, model.head)
  await settle()
  await arrive('listMessages')
  await arrive('listChanges')
  client.store.update((state) => ({ ...state, session }))
  await opening
  expect(client.foreign).toEqual([])
  expect(timelineOf(client)?.items).toHaveLength(4)
})

test('CL-7 a failed page is shown, also when what it should have joined has gone', async () => {
  const model = new Model(me, [me, 'ann'])
  talk(model, 3)
  const { network, underway } = slow()
  const client = harness(model, network)
  const opening = client.messages.open(conversationId).catch((error: unknown) => error)
  await settle()
  client.sync.drop(conversationId)
  for (const one of underway.splice(0)) one.fail(new ParleyError('unavailable'))
  await settle()
  expect(await opening).toMatchObject({ code: 'unavailable' })
  expect(timelineOf(client)).toMatchObject({ status: 'error', error: { code: 'unavailable' } })
})

test('CL-7 an opening whose answers belong to another database goes on with the present one', async () => {
  const model = new Model(me, [me, 'ann'])
  talk(model, 3)
  const { network, underway } = slow()
  const client = harness(model, network)
  const opening = client.messages.open(conversationId)
  await settle()
  client.sync.reset()
  client.messages.reset()
  for (const one of underway.splice(0)) one.fail(unreachable('superseded'))
  await arriveAll(client, underway)
  await opening
  expect(timelineOf(client)).toMatchObject({ status: 'ready', error: null })
})

test.each(['closed', 'signed out'])('CL-7 an opening ends when the client is %s', async (end) => {
  const model = new Model(me, [me, 'ann'])
  const { network, underway } = slow()
  const client = harness(model, network)
  const opening = client.messages.open(conversationId).catch((error: unknown) => error)
  await settle()
  client.messages.reset()
  client.store.update((state) =>
    end === 'closed' ? { ...state, connection: { status: 'closed' } } : { ...state, timelines: {} },
  )
  for (const one of underway.splice(0)) one.fail(unreachable('superseded'))
  expect(await opening).toMatchObject({ code: 'unavailable' })
  expect(underway).toEqual([])
})
