import type { ConversationSnapshot, OperationInput, OperationName } from '@parley/protocol'
import { ParleyError } from '@parley/protocol'
import { expect, test } from 'vitest'
import { Conversations } from '../src/conversations.ts'
import type { Call } from '../src/http.ts'
import { listKey, selectFound } from '../src/selectors.ts'
import type { ListFilter, State } from '../src/state.ts'
import { createStore } from '../src/store.ts'
import { Sync } from '../src/sync.ts'
import { Users } from '../src/users.ts'
import { FakeClock } from './fake-clock.ts'
import { signedIn } from './harness.ts'
import { Model } from './model.ts'

const pageSize = 3

/** A conversation with activity at a minute, and some unread messages. */
function conversation(id: string, minute: number, more: Partial<Given> = {}): ConversationSnapshot {
  const snapshot = new Model('me', ['me']).snapshot()
  const { status = 'open', unread = 0, seq = minute } = more
  const activityAt = new Date(Date.parse('2026-02-01T00:00:00Z') + minute * 60_000).toISOString()
  return { ...snapshot, seq, unread, activityAt, conversation: { ...snapshot.conversation, id, status } }
}

interface Given {
  readonly status: 'open' | 'archived'
  readonly unread: number
  readonly seq: number
}

/** Lists over conversations that a test moves about; the server pages through them by activity. */
function lists(...all: ConversationSnapshot[]) {
  const there = new Map(all.map((one) => [one.conversation.id, one]))
  const store = createStore(signedIn())
  const clock = new FakeClock()
  const asked: string[] = []
  let failing = false
  const answer = ({ cursor, q }: OperationInput<'listConversations'>) => {
    if (failing) throw new ParleyError('unavailable')
    const sorted = [...there.values()].sort((a, b) => (a.activityAt < b.activityAt ? 1 : -1))
    const matching = sorted.filter(({ conversation: { id, status } }) => status === 'open' && id.includes(q ?? ''))
    const start = cursor === undefined ? 0 : matching.findIndex((one) => one.activityAt < cursor)
    const items = matching.slice(start, start + pageSize)
    const more = matching.length > start + pageSize
    return { items, nextCursor: more ? (items.at(-1)?.activityAt ?? null) : null, users: [] }
  }
  const call: Call = async (name: OperationName, input) => {
    asked.push(name)
    return structuredClone(answer(input as OperationInput<'listConversations'>)) as never
  }
  const base = { store, call, clock, random: () => 0.5, onChanged: () => {} }
  const nothing = () => {}
  const users = new Users(base)
  const sync = new Sync({
    ...base,
    onApplied: nothing,
    onUnknown: nothing,
    onProfiles: nothing,
    onMoved: nothing,
    onEntered: nothing,
    onLeapt: nothing,
    onForeign: nothing,
  })
  const conversations = new Conversations({
    ...base,
    sync,
    users,
    newKey: () => 'key',
    openMessages: async () => {},
    onLoaded: nothing,
  })
  const list = (filter: ListFilter = {}) => store.getState().lists[listKey(filter)]
  const move = (one: ConversationSnapshot) => {
    there.set(one.conversation.id, one)
    sync.accept(one)
  }
  const fail = (value: boolean) => {
    failing = value
  }
  return { store, sync, conversations, asked, list, ids: (filter?: ListFilter) => list(filter)?.ids, move, fail }
}

const five = ['a', 'b', 'c', 'd', 'e'].map((id, index) => conversation(id, 10 - index))

test('CL-60 pages come in the order of activity, and a list ends', async () => {
  const { conversations, ids, list, asked } = lists(...five)
  await conversations.load({})
  expect(ids()).toEqual(['a', 'b', 'c'])
  await conversations.loadMore({})
  await conversations.loadMore({})
  expect(ids()).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(list()).toMatchObject({ status: 'ready', nextCursor: null })
  expect(asked).toHaveLength(2)
})

test('CL-60 a conversation moves up with its activity, comes, and leaves', async () => {
  const { conversations, ids, move, sync } = lists(...five)
  await conversations.load({})
  move(conversation('c', 20))
  expect(ids()).toEqual(['c', 'a', 'b'])
  move(conversation('new', 21))
  expect(ids()).toEqual(['new', 'c', 'a', 'b'])
  move(conversation('a', 22, { status: 'archived' }))
  sync.drop('b')
  expect(ids()).toEqual(['new', 'c'])
})

test('CL-60 what lies below the loaded part does not come in', async () => {
  const { conversations, ids, move } = lists(...five)
  await conversations.load({})
  move(conversation('e', 6, { seq: 7 }))
  expect(ids()).toEqual(['a', 'b', 'c'])
  await conversations.loadMore({})
  expect(ids()).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('CL-60 in a list of unread ones, what was read stays until it is loaded again', async () => {
  const { conversations, ids, move } = lists(conversation('a', 2, { unread: 1 }), conversation('b', 1, { unread: 1 }))
  await conversations.load({ view: 'unread' })
  move(conversation('a', 2, { unread: 0, seq: 3 }))
  move(conversation('c', 3, { unread: 0 }))
  expect(ids({ view: 'unread' })).toEqual(['a', 'b'])
})

test('CL-60 loading the first page again keeps what is loaded below it', async () => {
  const { conversations, ids, move, asked } = lists(...five)
  await conversations.load({})
  await conversations.loadMore({})
  move(conversation('e', 30))
  await conversations.load({})
  expect(ids()).toEqual(['e', 'a', 'b', 'c', 'd'])
  expect(asked).toHaveLength(3)
})

test('CL-60 what leaves a list while its page is on the way does not come back with it', async () => {
  const { conversations, ids, move } = lists(...five)
  await conversations.load({})
  const again = conversations.load({})
  move(conversation('a', 22, { status: 'archived' }))
  await again
  expect(ids()).toEqual(['b', 'c'])
})

test('CL-60 a list that could not be loaded says so and keeps what it has', async () => {
  const { conversations, list, fail } = lists(...five)
  await conversations.load({})
  fail(true)
  await expect(conversations.load({})).rejects.toMatchObject({ code: 'unavailable' })
  expect(list()).toMatchObject({ status: 'error', error: { code: 'unavailable' }, ids: ['a', 'b', 'c'] })
  fail(false)
  await conversations.load({})
  expect(list()).toMatchObject({ status: 'ready', error: null })
})

test('CL-61 a search stays as it came, but for what left', async () => {
  const { conversations, ids, move, sync, asked } = lists(conversation('xa', 2), conversation('xb', 1))
  const filter = { q: 'x' }
  await conversations.load(filter)
  move(conversation('xnew', 9))
  expect(ids(filter)).toEqual(['xa', 'xb'])
  sync.drop('xa')
  expect(ids(filter)).toEqual(['xb'])
  await conversations.refresh()
  expect(asked).toHaveLength(1)
})

test('CL-61 the five last searches are kept, and every list that is none', async () => {
  const { store, conversations } = lists(...five)
  await conversations.load({})
  for (const q of ['1', '2', '3', '4', '5', '6', '7']) await conversations.load({ q })
  const kept = Object.values(store.getState().lists).map(({ filter }) => filter.q)
  expect(kept).toEqual([undefined, '3', '4', '5', '6', '7'])
})

test('CL-4 searches are loaded again with everything else when the server is another database', async () => {
  const { conversations, ids, move } = lists(conversation('xa', 2))
  await conversations.load({ q: 'x' })
  move(conversation('xb', 3))
  await conversations.reload()
  expect(ids({ q: 'x' })).toEqual(['xb', 'xa'])
})

test('CL-61 what is loaded is searched at once: subject, record and names of the others', () => {
  const named = (id: string, minute: number, subject: string | null, title: string | null): ConversationSnapshot => {
    const one = conversation(id, minute)
    const context = title === null ? null : { type: 'deal', id, title, url: null }
    return { ...one, conversation: { ...one.conversation, subject, context } }
  }
  const shared = new Model('me', ['me', 'other']).snapshot()
  const all = [
    named('a', 1, 'Sails for Acme', null),
    named('b', 2, null, 'ACME rebrand'),
    named('c', 3, 'Rudders', null),
    {
      ...shared,
      conversation: { ...shared.conversation, id: 'd', subject: null, context: null },
      activityAt: '2026-03-01T00:00:00.000Z',
    },
    conversation('e', 5, { status: 'archived' }),
  ]
  const other = {
    id: 'other',
    name: 'Ann of Acme',
    role: 'external',
    organization: null,
    avatarUrl: null,
    active: true,
  }
  const me = { ...other, id: 'me', name: 'Acme himself' }
  const conversations = Object.fromEntries(all.map((one) => [one.conversation.id, one]))
  const state = { ...signedIn(), conversations, users: { other, me } } as unknown as State
  expect(selectFound(state, { q: 'acme' })).toEqual(['d', 'b', 'a'])
  expect(selectFound(state, { q: 'acme' })).toBe(selectFound(state, { q: 'acme' }))
  expect(selectFound({ ...state, users: { me } } as unknown as State, { q: 'acme' })).toEqual(['b', 'a'])
  const { kind = 'internal' } = all[2]?.conversation ?? {}
  expect(selectFound(state, { q: 'rudder', kind })).toEqual(['c'])
  expect(selectFound(state, { q: 'rudder', kind: kind === 'internal' ? 'external' : 'internal' })).toEqual([])
})
