import type { CommandInput, CommandOutput } from '@parley/protocol'
import { limits, ParleyError } from '@parley/protocol'
import { expect, test } from 'vitest'
import { Resume } from '../src/resume.ts'
import type { Command } from '../src/socket.ts'
import { settle } from './fake-clock.ts'
import { harness, known } from './harness.ts'
import { conversationId, epoch, Model } from './model.ts'

type Answer = CommandOutput<'resume'>

/** A client of one loaded conversation, whose comparisons the model answers when it is let. */
async function loaded({ talk = 3, messages = true, given = [] as readonly string[] } = {}) {
  const model = new Model('me', ['me', 'ann'])
  for (let i = 0; i < talk; i += 1) model.send('ann', `text ${i}`)
  const client = harness(model)
  if (messages) await client.messages.open(conversationId)
  else await client.sync.load(conversationId)
  client.asked.length = 0
  const done: string[] = []
  const resume = new Resume({
    store: client.store,
    sync: client.sync,
    reloadLists: async () => {
      done.push('lists')
      return new Set(given)
    },
    startOver: async (other) => void done.push(`over ${other}`),
  })
  return { model, client, resume, done }
}

function answerOf(model: Model, { cursors }: CommandInput<'resume'>, more: Partial<Answer> = {}): Answer {
  const have = cursors[conversationId] ?? model.head
  const { items } = model.changes(have, limits.resumeEvents)
  const answer = { status: 'ok', epoch, heads: { [conversationId]: model.head }, behind: [], presence: [] } as const
  return { ...answer, events: items, ...more } as Answer
}

function commandOver(model: Model, more: Partial<Answer> = {}) {
  const asked: CommandInput<'resume'>[] = []
  const command: Command = async (_name, input) => {
    const given = input as CommandInput<'resume'>
    asked.push(given)
    return structuredClone(answerOf(model, given, more)) as never
  }
  return { command, asked }
}

test('CL-3 positions are sent, and what was missed is applied without asking again', async () => {
  const { model, client, resume } = await loaded()
  const have = model.head
  model.send('ann', 'missed')
  model.rename('Renamed')
  const { command, asked } = commandOver(model)
  await resume.run(command, false)
  expect(asked).toEqual([{ epoch, cursors: { [conversationId]: have } }])
  expect(known(client)).toEqual(model.snapshot())
  expect(client.asked).toEqual([])
})

test('CL-3 events that arrive while positions are compared wait for the answer', async () => {
  const { model, client, resume } = await loaded()
  const have = model.head
  model.send('ann', 'missed')
  const answer = Promise.withResolvers<void>()
  const { command } = commandOver(model)
  const run = resume.run(async (...given) => {
    const value = await command(...given)
    await answer.promise
    return value
  }, false)
  await settle()
  model.send('ann', 'live')
  client.sync.receive(model.event(model.head))
  expect(client.sync.have(conversationId)).toBe(have)
  answer.resolve()
  await run
  expect(known(client)).toEqual(model.snapshot())
  expect(client.asked).toEqual([])
})

test('CL-3 what waited is taken in also when there is no answer', async () => {
  const { model, client, resume } = await loaded()
  const answer = Promise.withResolvers<never>()
  const run = resume.run(() => answer.promise, true)
  await settle()
  model.send('ann', 'live')
  client.sync.receive(model.event(model.head))
  answer.reject(new ParleyError('unavailable'))
  await expect(run).rejects.toMatchObject({ code: 'unavailable' })
  expect(client.sync.have(conversationId)).toBe(model.head)
})

test('CL-3 what did not fit is fetched before the client counts as online, where messages are shown', async () => {
  const { model, client, resume } = await loaded()
  for (let i = 0; i < limits.changesPage + 5; i += 1) model.send('ann', `missed ${i}`)
  await resume.run(commandOver(model, { events: [], behind: [conversationId] }).command, false)
  expect(client.sync.have(conversationId)).toBe(model.head)
  expect(client.asked).toEqual(['listChanges', 'listChanges'])
})

test('CL-3 a conversation that is not among the heads is gone', async () => {
  const { model, client, resume } = await loaded()
  await resume.run(commandOver(model, { heads: {}, events: [] }).command, true)
  expect(known(client)).toBeUndefined()
  expect(client.store.getState().timelines).toEqual({})
})

test('CL-3 lists are loaded again with a new connection, and only then', async () => {
  const { model, client, resume, done } = await loaded({ given: [conversationId] })
  const list = { filter: {}, ids: [conversationId], nextCursor: null, status: 'ready', error: null } as const
  client.store.update((state) => ({ ...state, lists: { all: list } }))
  await resume.run(commandOver(model).command, false)
  expect(done).toEqual([])
  await resume.run(commandOver(model).command, true)
  expect(done).toEqual(['lists'])
  expect(client.asked).toEqual([])
})

test('CL-3 what is in no list is loaded again with a new connection: marks are no changes', async () => {
  const { model, client, resume } = await loaded()
  model.read(model.head)
  await resume.run(commandOver(model).command, true)
  await settle()
  expect(known(client)).toEqual(model.snapshot())
})

test('CL-3 what a list shows and the server has not given is loaded again, too: it may have been read elsewhere', async () => {
  const { model, client, resume } = await loaded({ messages: false })
  const list = {
    filter: { view: 'unread' },
    ids: [conversationId],
    nextCursor: null,
    status: 'ready',
    error: null,
  } as const
  client.store.update((state) => ({ ...state, lists: { unread: list } }))
  model.read(model.head)
  await resume.run(commandOver(model).command, true)
  await settle()
  expect(known(client)).toEqual(model.snapshot())
})

test('CL-3 many that moved are met again at the next comparison when lists could not be loaded', async () => {
  const { model, client } = await loaded()
  const answers = [new ParleyError('unavailable'), null]
  const resume = new Resume({
    store: client.store,
    sync: client.sync,
    reloadLists: async () => {
      const failure = answers.shift()
      if (failure) throw failure
      return new Set()
    },
    startOver: async () => {},
  })
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`moved-${index}`, 1]))
  const heads = { [conversationId]: model.head, ...many }
  await resume.run(commandOver(model).command, false)
  for (let comparison = 0; comparison < 3; comparison += 1) {
    await resume.run(commandOver(model, { heads }).command, false)
    await settle()
  }
  expect(answers).toEqual([])
  expect(client.asked).toEqual([])
})

test('CL-3 those whom the server does not name are not here', async () => {
  const { model, client, resume } = await loaded()
  client.store.update((state) => ({ ...state, presence: { ann: { state: 'online', lastSeenAt: null } } }))
  const presence = [{ userId: 'ben', state: 'away', lastSeenAt: null }] as const
  await resume.run(commandOver(model, { presence: [...presence] }).command, true)
  expect(client.store.getState().presence).toEqual({
    ann: { state: 'offline', lastSeenAt: null },
    ben: { state: 'away', lastSeenAt: null },
  })
})

test('CL-3 a comparison asked for while another one runs is made after it, once, over the connection it was asked for', async () => {
  const { model, resume } = await loaded()
  const [before, after] = [commandOver(model), commandOver(model)]
  const broken = Promise.withResolvers<never>()
  const first = resume.run(() => broken.promise, false).catch((error: unknown) => error)
  await settle()
  const rest = [resume.run(after.command, true), resume.run(after.command, false)]
  broken.reject(new ParleyError('unavailable'))
  expect(await first).toMatchObject({ code: 'unavailable' })
  await Promise.all(rest)
  expect([before.asked.length, after.asked.length]).toEqual([0, 1])
})

test.each<[string, Partial<Answer>]>([
  ['the server says so', { status: 'resync', epoch: 'epoch-2' }],
  ['a position is ahead of the server', { heads: { [conversationId]: 1 }, events: [] }],
])('CL-4 everything is loaded afresh when %s', async (_, more) => {
  const { model, resume, done } = await loaded()
  await resume.run(commandOver(model, more).command, true)
  expect(done).toEqual([`over ${more.epoch ?? epoch}`])
})

test('CL-4 changes of another database are not applied', async () => {
  const { model, client } = await loaded({ messages: false })
  const me = { ...client.store.getState().session.me, epoch: 'epoch-0' } as never
  client.store.update((state) => ({ ...state, session: { ...state.session, me } }))
  const before = known(client)
  model.send('ann', 'of another life')
  await client.sync.catchUp(conversationId, model.head)
  expect(client.foreign).toEqual([epoch])
  expect(known(client)).toBe(before)
})

test('CL-3 of two comparisons that become one, marks are made up for when either asks for it', async () => {
  const { model, resume, done } = await loaded()
  const { command, asked } = commandOver(model)
  await Promise.all([resume.run(command, false), resume.run(command, true)])
  await settle()
  expect([asked.length, done]).toEqual([1, ['lists']])
})
