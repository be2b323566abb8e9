import { expect, test } from 'vitest'
import { Drafts } from '../src/drafts.ts'
import { memoryStorage } from '../src/outbox-storage.ts'
import { PresenceSignals } from '../src/presence.ts'
import { selectPresence } from '../src/selectors.ts'
import { createStore } from '../src/store.ts'
import { TypingSignals } from '../src/typing.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { signedIn } from './harness.ts'

const owner = 'me'

/** Drafts over a storage; other ones over the same storage are what there is after a reload. */
function draftsOver(storage = memoryStorage()) {
  const clock = new FakeClock()
  const hidden = new Set<() => void>()
  const onHide = (run: () => void) => {
    hidden.add(run)
    return () => void hidden.delete(run)
  }
  const signals = { isOnline: () => true, onWake: () => () => {}, onOffline: () => () => {}, onHide }
  const store = createStore(signedIn())
  const hide = () => {
    for (const run of hidden) run()
  }
  return { storage, clock, store, hide, drafts: new Drafts({ store, clock, storage, signals }) }
}

test('CL-50 a draft of each conversation and audience is kept and there after a reload', async () => {
  const { storage, clock, drafts } = draftsOver()
  await drafts.open(owner)
  drafts.set('c1', 'everyone', 'Half a')
  drafts.set('c1', 'team', 'A no')
  drafts.set('c2', 'everyone', 'gone')
  drafts.set('c2', 'everyone', '')
  expect([drafts.get('c1', 'everyone'), drafts.get('c1', 'team'), drafts.get('c2', 'team')]).toEqual([
    'Half a',
    'A no',
    '',
  ])
  await clock.advance(250)
  const after = draftsOver(storage)
  await after.drafts.open(owner)
  expect(after.store.getState().drafts).toEqual({ 'c1:everyone': 'Half a', 'c1:team': 'A no' })
})

test('CL-50 a draft is kept also when the page hides or the client closes just then', async () => {
  const { storage, drafts, hide } = draftsOver()
  await drafts.open(owner)
  drafts.set('c1', 'everyone', 'one')
  hide()
  await settle()
  expect((await storage.load(owner)).drafts).toEqual({ 'c1:everyone': 'one' })
  drafts.set('c1', 'everyone', 'two')
  await drafts.close()
  expect((await storage.load(owner)).drafts).toEqual({ 'c1:everyone': 'two' })
})

test('CL-50 what was typed since the start wins over what was kept, also when it was emptied', async () => {
  const { storage, drafts, store } = draftsOver()
  await storage.putDraft(owner, 'c1:everyone', 'old')
  await storage.putDraft(owner, 'c2:everyone', 'old')
  await storage.putDraft(owner, 'c3:everyone', 'old')
  drafts.set('c1', 'everyone', 'new')
  drafts.set('c2', 'everyone', 'new')
  drafts.set('c2', 'everyone', '')
  await drafts.open(owner)
  await drafts.flush()
  expect(store.getState().drafts).toEqual({ 'c1:everyone': 'new', 'c3:everyone': 'old' })
  expect((await storage.load(owner)).drafts).toEqual({ 'c1:everyone': 'new', 'c3:everyone': 'old' })
})

test('CL-19 drafts of one person are not kept for the next one', async () => {
  const { storage, clock, drafts, store } = draftsOver()
  await drafts.open('ann')
  drafts.set('c1', 'everyone', 'of ann')
  drafts.shut()
  store.update((state) => ({ ...state, drafts: {} }))
  await drafts.open('ben')
  await clock.advance(1_000)
  expect((await storage.load('ben')).drafts).toEqual({})
  expect(store.getState().drafts).toEqual({})
})

function typing() {
  const clock = new FakeClock()
  const store = createStore(signedIn())
  const told: string[] = []
  const signals = new TypingSignals({
    store,
    clock,
    tell: (name, { conversationId, audience }) => void told.push(`${name} ${conversationId} ${audience}`),
  })
  const typists = () => (store.getState().typing.c1 ?? []).map(({ userId }) => userId)
  return { clock, told, signals, typists }
}

test('CL-51 typing is told at most every 2 s, and stopped after 3 s without a key', async () => {
  const { clock, told, signals } = typing()
  for (let i = 0; i < 40; i += 1) {
    signals.input('c1', 'everyone')
    await clock.advance(100)
  }
  expect(told).toEqual(['start-typing c1 everyone', 'start-typing c1 everyone'])
  await clock.advance(2_899)
  expect(told).toHaveLength(2)
  await clock.advance(1)
  expect(told.slice(2)).toEqual(['stop-typing c1 everyone'])
  expect(clock.next()).toBeNull()
})

test('CL-51 typing is told as often when the clock on the wall was set back', async () => {
  const { clock, told, signals } = typing()
  signals.input('c1', 'everyone')
  clock.jump(-3_600_000)
  await clock.advance(2_000)
  signals.input('c1', 'everyone')
  expect(told).toEqual(['start-typing c1 everyone', 'start-typing c1 everyone'])
})

test('CL-51 going over to a note stops what everyone sees first', () => {
  const { told, signals } = typing()
  signals.input('c1', 'everyone')
  signals.input('c1', 'team')
  signals.stop('c1')
  signals.stop('c1')
  expect(told).toEqual([
    'start-typing c1 everyone',
    'stop-typing c1 everyone',
    'start-typing c1 team',
    'stop-typing c1 team',
  ])
})

test('CL-51 others’ typing ends by itself after 4 s without another word of it; one’s own is not shown', async () => {
  const { clock, signals, typists } = typing()
  signals.started({ conversationId: 'c1', userId: 'ann', audience: 'everyone' })
  signals.started({ conversationId: 'c1', userId: 'me', audience: 'everyone' })
  await clock.advance(3_000)
  signals.started({ conversationId: 'c1', userId: 'ann', audience: 'everyone' })
  signals.started({ conversationId: 'c1', userId: 'ben', audience: 'everyone' })
  expect(typists()).toEqual(['ann', 'ben'])
  await clock.advance(3_999)
  signals.stopped({ conversationId: 'c1', userId: 'ben' })
  expect(typists()).toEqual(['ann'])
  await clock.advance(1)
  expect(typists()).toEqual([])
  expect(clock.next()).toBeNull()
})

test('CL-52 others are as they were told of, oneself is online while connected', () => {
  const store = createStore(signedIn())
  const presence = new PresenceSignals({ store, tell: () => {} })
  presence.joined({ userId: 'ann', presence: 'away' })
  presence.joined({ userId: 'ben', presence: 'online' })
  presence.left({ userId: 'ben', lastSeenAt: '2026-01-01T00:00:00.000Z' })
  const seen = () => ['ann', 'ben', 'stranger', owner].map((userId) => selectPresence(store.getState(), userId))
  store.update((state) => ({ ...state, connection: { status: 'online' } }))
  expect(seen()).toEqual(['away', 'offline', 'offline', 'online'])
  store.update((state) => ({ ...state, connection: { status: 'offline', retryAt: 0, error: null } }))
  expect(seen()).toEqual(['away', 'offline', 'offline', 'offline'])
})
