import type { Message } from '@parley/protocol'
import { afterEach, expect, test, vi } from 'vitest'
import { unreachable } from '../src/http-errors.ts'
import { Outbox } from '../src/outbox.ts'
import { memoryStorage, type OutboxStorage } from '../src/outbox-storage.ts'
import { initialState, type Pending, type State } from '../src/state.ts'
import { createStore } from '../src/store.ts'
import { FakeClock } from './fake-clock.ts'

const owner = 'me'
const clock = new FakeClock()
const tabs: Outbox[] = []
let browsers = 0

afterEach(() => {
  for (const tab of tabs.splice(0)) tab.shut()
})

/** A browser: what its tabs share. */
function browser(): OutboxStorage {
  browsers += 1
  return { ...memoryStorage(), sharedAs: `browser-${browsers}` }
}

async function openTab(storage: OutboxStorage, { online = false } = {}) {
  const store = createStore<State>({ ...initialState, connection: { status: online ? 'online' : 'idle' } })
  const sent: string[] = []
  const answers: PromiseWithResolvers<Message>[] = []
  const outbox = new Outbox({
    store,
    clock,
    random: () => 0.5,
    storage,
    transport: ({ clientKey }) => {
      sent.push(clientKey)
      const answer = Promise.withResolvers<Message>()
      answers.push(answer)
      return answer.promise
    },
    onStored: () => {},
  })
  tabs.push(outbox)
  await outbox.open(owner)
  const keys = () => (store.getState().outbox.c1 ?? []).map(({ clientKey, status }) => `${clientKey} ${status}`)
  return { outbox, sent, answers, keys }
}

function write(clientKey: string): Pending {
  const createdAt = new Date(clock.now()).toISOString()
  const base = { conversationId: 'c1', text: 'text', audience: 'everyone', quote: null } as const
  return { clientKey, ...base, createdAt, status: 'queued', error: null }
}

async function until(check: () => boolean): Promise<void> {
  await expect.poll(check, { interval: 5, timeout: 5_000 }).toBe(true)
}

/** Long enough for what must not happen to happen. */
function aWhile(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 100))
}

test('CL-16 of several tabs one sends, whichever the message was written in', async () => {
  const storage = browser()
  const first = await openTab(storage)
  await aWhile()
  const others = [await openTab(storage), await openTab(storage)]
  others[0]?.outbox.add(write('k1'))
  await until(() => first.sent.length === 1)
  await aWhile()
  expect([first.sent, ...others.map(({ sent }) => sent)]).toEqual([['k1'], [], []])
})

test('CL-16 when the tab that sends closes, another one goes on under the same key', async () => {
  const storage = browser()
  const first = await openTab(storage)
  await aWhile()
  const second = await openTab(storage)
  second.outbox.add(write('k1'))
  second.outbox.add(write('k2'))
  await until(() => first.sent.length === 1)
  first.outbox.shut()
  await until(() => second.sent.length === 1)
  expect(second.sent).toEqual(['k1'])
})

test('CL-16 a tab that is online takes over what the one that leads does not get sent', async () => {
  const storage = browser()
  const asleep = await openTab(storage)
  await aWhile()
  const awake = await openTab(storage, { online: true })
  awake.outbox.add(write('k1'))
  await until(() => asleep.sent.length === 1)
  awake.outbox.add(write('k2'))
  await clock.advance(6_000)
  await until(() => awake.sent.length === 1)
  asleep.answers[0]?.reject(unreachable('network'))
  await aWhile()
  await clock.advance(60_000)
  await aWhile()
  expect([asleep.sent, awake.sent]).toEqual([['k1'], ['k1']])
  awake.outbox.shut()
  await until(() => asleep.sent.length === 2)
})

test('CL-16 browsers of their own do not wait for each other', async () => {
  const [first, second] = [await openTab(browser()), await openTab(browser())]
  first.outbox.add(write('k1'))
  second.outbox.add(write('k2'))
  await until(() => first.sent.length === 1 && second.sent.length === 1)
})

test('CL-17 every tab shows what waits, what failed and what was taken out', async () => {
  const storage = browser()
  const first = await openTab(storage)
  await aWhile()
  const second = await openTab(storage)
  second.outbox.add(write('k1'))
  second.outbox.add(write('k2'))
  await until(() => second.keys().join() === 'k1 sending,k2 queued')
  await until(() => first.keys().join() === 'k1 sending,k2 queued')
  first.answers[0]?.reject(unreachable('network'))
  await until(() => second.keys().join() === 'k1 queued,k2 queued')
  second.outbox.discard('c1', 'k2')
  await until(() => first.keys().join() === 'k1 queued')
  expect((await storage.load(owner)).pending.map(({ clientKey }) => clientKey)).toEqual(['k1'])
})

test('CL-17 a tab opened later shows what waits', async () => {
  const storage = browser()
  const first = await openTab(storage)
  first.outbox.add(write('k1'))
  await until(() => first.sent.length === 1)
  const second = await openTab(storage)
  expect(second.keys()).toEqual(['k1 queued'])
  await aWhile()
  expect(second.sent).toEqual([])
})

test('CL-17 what was taken out does not come back with the lead, though the device did not let go of it', async () => {
  const storage = { ...browser(), deletePending: () => Promise.reject(new Error('quota')) }
  const first = await openTab(storage)
  await aWhile()
  const second = await openTab(storage)
  second.outbox.add(write('k1'))
  await until(() => first.sent.length === 1)
  second.outbox.discard('c1', 'k1')
  await first.outbox.close()
  await aWhile()
  expect([second.keys(), second.sent]).toEqual([[], []])
})

test('CL-16 where the browser refuses the lead, as an origin without storage, everyone sends', async () => {
  const request = vi
    .spyOn(navigator.locks, 'request')
    .mockRejectedValue(new DOMException('no storage', 'SecurityError'))
  try {
    const only = await openTab(browser())
    only.outbox.add(write('k1'))
    await until(() => only.sent.length === 1)
    expect(request).toHaveBeenCalledTimes(1)
  } finally {
    request.mockRestore()
  }
})

test('CL-16 where the browser refuses the channel of tabs, everyone sends', async () => {
  vi.stubGlobal('BroadcastChannel', function refused() {
    throw new DOMException('no storage', 'SecurityError')
  })
  try {
    const only = await openTab(browser())
    only.outbox.add(write('k1'))
    await until(() => only.sent.length === 1)
  } finally {
    vi.unstubAllGlobals()
  }
})

test('CL-17 what is taken out while another tab reads the device does not come back there', async () => {
  const storage = browser()
  const first = await openTab(storage)
  first.outbox.add(write('k1'))
  await until(() => first.sent.length === 1)
  const read = Promise.withResolvers<void>()
  const slow: OutboxStorage = {
    ...storage,
    load: async (of) => {
      const kept = await storage.load(of)
      await read.promise
      return kept
    },
  }
  const opening = openTab(slow)
  await aWhile()
  first.outbox.discard('c1', 'k1')
  await aWhile()
  read.resolve()
  const second = await opening
  await aWhile()
  expect([first.keys(), second.keys()]).toEqual([[], []])
})

test.each([
  ['before', ['discard', 'kick']],
  ['after', ['kick', 'discard']],
] as const)(
  'CL-17 what is taken out just %s another tab begins to send it again does not come back',
  async (_, steps) => {
    const storage = browser()
    const first = await openTab(storage)
    await aWhile()
    const second = await openTab(storage)
    second.outbox.add(write('k1'))
    await until(() => first.sent.length === 1)
    first.answers[0]?.reject(unreachable('network'))
    await until(() => second.keys().join() === 'k1 queued')
    const step = { discard: () => second.outbox.discard('c1', 'k1'), kick: () => first.outbox.kick() }
    for (const name of steps) step[name]()
    await aWhile()
    first.answers[1]?.reject(unreachable('network'))
    await aWhile()
    expect([first.keys(), second.keys(), (await storage.load(owner)).pending]).toEqual([[], [], []])
  },
)
