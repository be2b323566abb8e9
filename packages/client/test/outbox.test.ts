import 'fake-indexeddb/auto'
import { errors, type Message, ParleyError } from '@parley/protocol'
import { expect, test } from 'vitest'
import { toError, unreachable } from '../src/http-errors.ts'
import { Outbox } from '../src/outbox.ts'
import { indexedDbStorage } from '../src/outbox-indexeddb.ts'
import { memoryStorage, type OutboxStorage } from '../src/outbox-storage.ts'
import type { Pending } from '../src/state.ts'
import { createStore } from '../src/store.ts'
import { emptyTimeline } from '../src/timeline.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { signedIn } from './harness.ts'

const owner = 'me'
const hour = 60 * 60 * 1000

interface Attempt {
  readonly pending: Pending
  readonly succeed: () => Promise<void>
  readonly fail: (error: unknown) => Promise<void>
}

function messageOf({ clientKey, conversationId, text, audience, createdAt }: Pending, seq: number): Message {
  const nothing = { system: null, editedAt: null, deletedAt: null, deletedBy: null, quote: null } as const
  const base = { id: `m-${clientKey}`, conversationId, seq, clientKey, senderId: 'me', kind: 'internal' } as const
  return { ...base, ...nothing, audience, text, createdAt }
}

/** An outbox whose sends end as a test says. Another one over the same storage is what there is after a reload. */
function outboxOver(storage: OutboxStorage, clock = new FakeClock()) {
  const store = createStore(signedIn())
  const attempts: Attempt[] = []
  const stored: Message[] = []
  const transport = (pending: Pending) => {
    const { promise, resolve, reject } = Promise.withResolvers<Message>()
    const then = (end: () => void) => async () => {
      end()
      await rest()
    }
    const succeed = then(() => resolve(messageOf(pending, attempts.length)))
    attempts.push({ pending, succeed, fail: (error) => then(() => reject(error))() })
    return promise
  }
  const outbox = new Outbox({
    store,
    clock,
    random: () => 0.5,
    storage,
    transport,
    onStored: (one) => void stored.push(one),
  })
  const line = (conversationId = 'c1') =>
    (store.getState().outbox[conversationId] ?? []).map(({ clientKey, status, error }) => [clientKey, status, error])
  return { clock, store, outbox, attempts, stored, line }
}

/** Lets storage and promises come to rest. */
async function rest(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await settle()
}

function write(clock: FakeClock, clientKey: string, more: Partial<Pending> = {}): Pending {
  const createdAt = new Date(clock.now()).toISOString()
  const base = { conversationId: 'c1', text: `text ${clientKey}`, audience: 'everyone', quote: null } as const
  return { clientKey, ...base, createdAt, status: 'queued', error: null, ...more }
}

const databases = new Set<string>()

function newDatabase(): OutboxStorage {
  const name = `test-${databases.size}`
  databases.add(name)
  return { ...indexedDbStorage(name), sharedAs: null }
}

const kinds: [string, () => OutboxStorage][] = [
  ['memory', memoryStorage],
  ['IndexedDB', newDatabase],
]

test('CL-10 a message is sent once the device has kept it, and not before', async () => {
  const kept = Promise.withResolvers<void>()
  const { clock, outbox, attempts } = outboxOver({ ...memoryStorage(), putPending: () => kept.promise })
  await outbox.open(owner)
  outbox.add(write(clock, 'k1'))
  await rest()
  expect(attempts).toHaveLength(0)
  kept.resolve()
  await rest()
  expect(attempts).toHaveLength(1)
})

test.each(kinds)('CL-10 what was on its way at a reload is sent again under its key (%s)', async (_, create) => {
  const storage = create()
  const before = outboxOver(storage)
  await before.outbox.open(owner)
  for (const key of ['k1', 'k2']) before.outbox.add(write(before.clock, key))
  await rest()
  const after = outboxOver(storage, before.clock)
  await after.outbox.open(owner)
  await rest()
  expect(after.line()).toEqual([
    ['k1', 'sending', null],
    ['k2', 'queued', null],
  ])
  await after.attempts[0]?.succeed()
  await after.attempts[1]?.succeed()
  expect(after.attempts.map(({ pending }) => pending.clientKey)).toEqual(['k1', 'k2'])
  expect(after.line()).toEqual([])
  expect((await storage.load(owner)).pending).toEqual([])
})

test.each(kinds)(
  'CL-67 what the device still keeps of a message that is loaded is neither shown nor sent (%s)',
  async (_, create) => {
    const storage = create()
    const before = outboxOver(storage)
    await before.outbox.open(owner)
    const pending = write(before.clock, 'k1')
    before.outbox.add(pending)
    await rest()
    const after = outboxOver(storage, before.clock)
    const of = (items: readonly Message[]) => ({ c1: { ...emptyTimeline, items, status: 'ready' } as const })
    const another = { ...messageOf(write(before.clock, 'k2'), 3), senderId: 'you' }
    after.store.update((state) => ({ ...state, timelines: of([messageOf(pending, 2), another]) }))
    await after.outbox.open(owner)
    await rest()
    expect(after.line()).toEqual([])
    expect(after.attempts).toEqual([])
    expect((await storage.load(owner)).pending).toEqual([])
    after.outbox.add(write(before.clock, 'k2'))
    await rest()
    expect(after.line()).toEqual([['k2', 'sending', null]])
  },
)

test('CL-10 what is written before it is known who one is, is sent then', async () => {
  const storage = memoryStorage()
  const { clock, outbox, attempts } = outboxOver(storage)
  outbox.add(write(clock, 'k1'))
  await rest()
  expect(attempts).toHaveLength(0)
  await outbox.open(owner)
  await rest()
  expect(attempts).toHaveLength(1)
  expect((await storage.load(owner)).pending).toHaveLength(1)
})

test.each([
  ['no answer', unreachable('timeout')],
  ['a broken connection', unreachable('network')],
  ['something that is no answer', new TypeError('fetch failed')],
  ['500', new ParleyError('internal')],
  ['502 of a proxy', toError(502, null, null)],
  ['408 of a proxy', toError(408, null, null)],
  ['425 of a proxy', toError(425, null, null)],
  ['429', new ParleyError('rate_limited')],
])('CL-11 after %s the message is sent again under its key', async (_, error) => {
  const { clock, outbox, attempts, line, stored } = outboxOver(memoryStorage())
  await outbox.open(owner)
  outbox.add(write(clock, 'k1'))
  await rest()
  for (let i = 0; i < 4; i += 1) {
    await attempts[i]?.fail(error)
    expect(line()).toEqual([['k1', 'queued', null]])
    await clock.advance(20_000)
    await rest()
  }
  await attempts[4]?.succeed()
  expect(attempts.map(({ pending }) => pending.clientKey)).toEqual(['k1', 'k1', 'k1', 'k1', 'k1'])
  expect(line()).toEqual([])
  expect(stored).toHaveLength(1)
})

test('CL-11 the wait is the longer one of backoff and Retry-After', async () => {
  const { clock, outbox, attempts } = outboxOver(memoryStorage())
  await outbox.open(owner)
  outbox.add(write(clock, 'k1'))
  await rest()
  await attempts[0]?.fail(toError(429, null, '60'))
  await clock.advance(59_999)
  await rest()
  expect(attempts).toHaveLength(1)
  await clock.advance(1)
  await rest()
  expect(attempts).toHaveLength(2)
})

test('CL-11 the network coming back ends the wait', async () => {
  const { clock, outbox, attempts } = outboxOver(memoryStorage())
  await outbox.open(owner)
  outbox.add(write(clock, 'k1'))
  await rest()
  await attempts[0]?.fail(unreachable('network'))
  outbox.kick()
  await rest()
  expect(attempts).toHaveLength(2)
})

test.each([
  ['invalid', 400],
  ['forbidden', 403],
  ['not_found', 404],
  ['client_key_reused', 409],
  ['conversation_archived', 409],
  ['too_large', 413],
  ['unsupported_media_type', 415],
] as const)('CL-12 %s (%i) stops the message and not the one behind it', async (code, status) => {
  expect(errors[code].status).toBe(status)
  const { clock, outbox, attempts, line } = outboxOver(memoryStorage())
  await outbox.open(owner)
  outbox.add(write(clock, 'k1'))
  outbox.add(write(clock, 'k2'))
  await rest()
  await attempts[0]?.fail(new ParleyError(code))
  expect(line()).toEqual([
    ['k1', 'failed', code],
    ['k2', 'sending', null],
  ])
  await attempts[1]?.succeed()
  await clock.advance(hour)
  expect(line()).toEqual([['k1', 'failed', code]])
  expect(attempts).toHaveLength(2)
})

test('CL-12 a refusal is still there after a reload, and is not sent', async () => {
  const storage = memoryStorage()
  const before = outboxOver(storage)
  await before.outbox.open(owner)
  before.outbox.add(write(before.clock, 'k1'))
  await rest()
  await before.attempts[0]?.fail(new ParleyError('forbidden'))
  await before.outbox.close()
  const after = outboxOver(storage, before.clock)
  await after.outbox.open(owner)
  await rest()
  expect(after.line()).toEqual([['k1', 'failed', 'forbidden']])
  expect(after.attempts).toHaveLength(0)
})

test('CL-13 one by one in each conversation, in the order they were written; conversations do not wait', async () => {
  const { clock, outbox, attempts } = outboxOver(memoryStorage())
  await outbox.open(owner)
  for (const key of ['k1', 'k2', 'k3']) outbox.add(write(clock, key))
  outbox.add(write(clock, 'k4', { conversationId: 'c2' }))
  await rest()
  const keys = () => attempts.map(({ pending }) => pending.clientKey)
  expect(keys()).toEqual(['k1', 'k4'])
  await attempts[0]?.fail(unreachable('timeout'))
  await attempts[1]?.succeed()
  expect(keys()).toEqual(['k1', 'k4'])
  await clock.advance(1_000)
  await rest()
  expect(keys()).toEqual(['k1', 'k4', 'k1'])
  await attempts[2]?.succeed()
  await attempts[3]?.succeed()
  expect(keys()).toEqual(['k1', 'k4', 'k1', 'k2', 'k3'])
})

test('CL-14 what lay unsent for 12 hours is not sent unasked; the rest is', async () => {
  const storage = memoryStorage()
  const clock = new FakeClock()
  await storage.putPending(owner, write(clock, 'k1'))
  await clock.advance(12 * hour)
  await storage.putPending(owner, write(clock, 'k2'))
  await clock.advance(1)
  const { outbox, attempts, line } = outboxOver(storage, clock)
  await outbox.open(owner)
  await rest()
  expect(line()).toEqual([
    ['k1', 'failed', null],
    ['k2', 'sending', null],
  ])
  await attempts[0]?.succeed()
  outbox.retry('c1', 'k1')
  await rest()
  expect(attempts.map(({ pending }) => pending.clientKey)).toEqual(['k2', 'k1'])
})

test('CL-15 a failed message is sent again under its key', async () => {
  const { clock, outbox, attempts, line } = outboxOver(memoryStorage())
  await outbox.open(owner)
  outbox.add(write(clock, 'k1'))
  await rest()
  outbox.retry('c1', 'k1')
  await rest()
  expect(attempts).toHaveLength(1)
  await attempts[0]?.fail(new ParleyError('forbidden'))
  outbox.retry('c1', 'k1')
  await rest()
  expect(line()).toEqual([['k1', 'sending', null]])
  await attempts[1]?.succeed()
  expect(attempts[1]?.pending.clientKey).toBe('k1')
  expect(line()).toEqual([])
})

test.each(kinds)('CL-15 what is taken out stays out after a reload (%s)', async (_, create) => {
  const storage = create()
  const { clock, outbox, attempts, line } = outboxOver(storage)
  await outbox.open(owner)
  outbox.add(write(clock, 'k1'))
  await rest()
  await attempts[0]?.fail(new ParleyError('forbidden'))
  outbox.discard('c1', 'k1')
  await rest()
  expect(line()).toEqual([])
  expect((await storage.load(owner)).pending).toEqual([])
})

test('CL-15 what is taken out while it is on its way does not come back when it fails', async () => {
  const { clock, outbox, attempts, line } = outboxOver(memoryStorage())
  await outbox.open(owner)
  outbox.add(write(clock, 'k1'))
  await rest()
  outbox.discard('c1', 'k1')
  await attempts[0]?.fail(unreachable('network'))
  await clock.advance(hour)
  await rest()
  expect(line()).toEqual([])
  expect(attempts).toHaveLength(1)
})

test.each([
  ['hangs', () => new Promise<never>(() => {})],
  ['refuses', () => Promise.reject(new Error('quota'))],
])('CL-18 a storage that %s does not keep a message from being sent', async (_, answer) => {
  const storage: OutboxStorage = { ...memoryStorage(), load: answer, putPending: answer, deletePending: answer }
  const { clock, outbox, attempts, line } = outboxOver(storage)
  const opening = outbox.open(owner)
  await clock.advance(2_000)
  await opening
  outbox.add(write(clock, 'k1'))
  await clock.advance(2_000)
  await attempts[0]?.succeed()
  expect(line()).toEqual([])
})

test('CL-18 where the browser refuses IndexedDB, memory serves instead', async () => {
  const refused = indexedDB
  const refuse = () => {
    throw new Error('private mode')
  }
  Object.assign(globalThis, { indexedDB: { open: refuse } })
  try {
    const storage = indexedDbStorage('refused')
    await storage.putPending(owner, write(new FakeClock(), 'k1'))
    await storage.putDraft(owner, 'c1:everyone', 'half a')
    expect(await storage.load(owner)).toMatchObject({
      pending: [{ clientKey: 'k1' }],
      drafts: { 'c1:everyone': 'half a' },
    })
  } finally {
    Object.assign(globalThis, { indexedDB: refused })
  }
})

test.each(kinds)('CL-19 what somebody left unsent is nobody else’s (%s)', async (_, create) => {
  const storage = create()
  const first = outboxOver(storage)
  await first.outbox.open('ann')
  first.outbox.add(write(first.clock, 'k1'))
  await rest()
  await first.attempts[0]?.fail(unreachable('network'))
  await storage.putDraft('ann', 'c1:everyone', 'half a')
  await first.outbox.close()
  const second = outboxOver(storage, first.clock)
  await second.outbox.open('ben')
  await rest()
  expect([second.line(), second.attempts]).toEqual([[], []])
  expect(await storage.load('ben')).toEqual({ pending: [], drafts: {} })
  expect((await storage.load('ann')).pending).toHaveLength(1)
  await storage.erase()
  expect(await storage.load('ann')).toEqual({ pending: [], drafts: {} })
})

/** A storage that takes half a second to keep something. */
function slowStorage(clock: FakeClock): OutboxStorage {
  const memory = memoryStorage()
  const keep = (who: string, pending: Pending) =>
    new Promise<void>((resolve) => void clock.after(500, () => resolve(memory.putPending(who, pending))))
  return { ...memory, putPending: keep }
}

test.each<[string, (outbox: Outbox) => unknown]>([
  ['it was discarded', (outbox) => outbox.discard('c1', 'key-1')],
  ['the session has ended', (outbox) => outbox.pause()],
  ['its sender has signed out', (outbox) => outbox.shut()],
])('CL-33 what still waited for the device when %s is not sent', async (_, end) => {
  const clock = new FakeClock()
  const { outbox, attempts } = outboxOver(slowStorage(clock), clock)
  await outbox.open(owner)
  outbox.add(write(clock, 'key-1'))
  await rest()
  end(outbox)
  await clock.advance(3_000)
  await rest()
  expect(attempts).toEqual([])
})

test('CL-19 what still waited for the device when its sender signed out is not sent by the next one', async () => {
  const clock = new FakeClock()
  const { outbox, attempts, store } = outboxOver(slowStorage(clock), clock)
  await outbox.open(owner)
  outbox.add(write(clock, 'key-1'))
  await rest()
  outbox.shut()
  store.update((state) => ({ ...state, outbox: {} }))
  await outbox.open('somebody else')
  await clock.advance(3_000)
  await rest()
  expect(attempts).toEqual([])
})
