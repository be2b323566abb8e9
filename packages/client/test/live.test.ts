import { limits } from '@parley/protocol'
import { note, type People, people, person, say, signToken, startConversation, startTestServer } from '@parley/testing'
import { expect, test, vi } from 'vitest'
import type { ParleyClient } from '../src/api.ts'
import { memoryStorage, type OutboxStorage } from '../src/outbox-storage.ts'
import { selectRows } from '../src/rows.ts'
import { listKey } from '../src/selectors.ts'
import { clientWith, goOffline, isOnline, network, server, until, who } from './scene.ts'

const day = 24 * 3600 * 1000

interface Given {
  readonly storage?: OutboxStorage
  /** Whether the client can be cut off. */
  readonly overNetwork?: boolean
}

function clientOf(person: keyof People, { storage, overNetwork = false }: Given = {}): ParleyClient {
  return clientWith({
    serverUrl: overNetwork ? network.url : server.url,
    getToken: () => signToken(server, who[person]),
    ...(storage ? { storage } : {}),
  })
}

async function online(person: keyof People, given?: Given): Promise<ParleyClient> {
  const client = clientOf(person, given)
  await client.start()
  await until(() => isOnline(client), `${person} online`)
  return client
}

function textsOf({ store }: ParleyClient, id: string): string[] {
  return (store.getState().timelines[id]?.items ?? []).map(({ text }) => text).filter((text) => text !== '')
}

/** Makes the server one over another database, in which a conversation's messages read differently. */
async function restoreAnother(id: string): Promise<void> {
  await server.database.query("update messages set text = 'as restored' where conversation_id = $1", [id])
  await server.database.query('update installation set epoch = gen_random_uuid()::text')
  await server.restart()
}

/** A conversation of the three with messages of bob. */
async function conversationWith(...texts: string[]): Promise<string> {
  const { conversation } = await startConversation(who.alice, [who.bob, who.carol])
  for (const text of texts) await say(who.bob, conversation.id, text)
  return conversation.id
}

test('CL-1 two clients talk: shown at once, sent, delivered, read', async () => {
  const [alice, bob] = await Promise.all([online('alice'), online('bob')])
  await bob.conversations.load({})
  const id = await alice.conversations.create({ kind: 'internal', participants: ['bob'], subject: 'Hello' })
  await alice.conversations.open(id)
  await until(() => bob.store.getState().conversations[id], 'bob has it')
  await bob.conversations.open(id)
  const key = alice.messages.send(id, { text: 'one' })
  expect(selectRows(alice.store.getState(), id).map((row) => row.key)).toEqual([key])
  alice.messages.send(id, { text: 'two' })
  await until(() => textsOf(bob, id).length === 2, 'bob sees')
  await until(() => alice.store.getState().outbox[id] === undefined, 'sent')
  expect(selectRows(alice.store.getState(), id)[0]?.key).toBe(key)
  expect(bob.store.getState().conversations[id]?.unread).toBe(2)
  bob.reads.markRead(id, bob.store.getState().conversations[id]?.seq ?? 0)
  expect(bob.store.getState().conversations[id]?.unread).toBe(0)
  await until(() => selectRows(alice.store.getState(), id)[0]?.status === 'read', 'read')
})

test('CL-3 what is written while the network is away is sent, and what was missed is there, once and in order', async () => {
  const id = await conversationWith('before')
  const alice = await online('alice', { overNetwork: true })
  await alice.conversations.open(id)
  await goOffline(alice)
  alice.messages.send(id, { text: 'mine 1' })
  alice.messages.send(id, { text: 'mine 2' })
  await say(who.bob, id, 'theirs')
  expect(selectRows(alice.store.getState(), id).map(({ status }) => status)).toContain('queued')
  network.flow()
  alice.reconnectNow()
  await until(() => alice.store.getState().outbox[id] === undefined, 'sent')
  await until(() => textsOf(alice, id).length === 4, 'all there')
  const { items } = await who.bob.call('listMessages', { conversationId: id })
  const stored = items.map(({ text }) => text).filter((text) => text !== '')
  expect(textsOf(alice, id)).toEqual(stored)
  expect(stored.filter((text) => text.startsWith('mine'))).toEqual(['mine 1', 'mine 2'])
})

test('CL-11 a send whose answer is lost is stored once', async () => {
  const id = await conversationWith()
  const alice = await online('alice', { overNetwork: true })
  await alice.conversations.open(id)
  network.hold('down')
  const key = alice.messages.send(id, { text: 'once' })
  await expect
    .poll(async () => (await who.bob.call('listMessages', { conversationId: id })).items.at(-1)?.clientKey)
    .toBe(key)
  network.cut()
  network.flow()
  alice.reconnectNow()
  await until(() => alice.store.getState().outbox[id] === undefined, 'confirmed')
  const { items } = await who.bob.call('listMessages', { conversationId: id })
  expect(items.filter(({ text }) => text === 'once')).toHaveLength(1)
})

test('CL-3 the server restarts: the client is back by itself, with what was written around it', async () => {
  const id = await conversationWith('before')
  const alice = await online('alice')
  await alice.conversations.open(id)
  const states: string[] = []
  alice.store.subscribe(() => void states.push(alice.store.getState().connection.status))
  const restart = server.restart()
  alice.messages.send(id, { text: 'mine' })
  await restart
  await say(who.bob, id, 'after')
  await until(() => textsOf(alice, id).length === 3, 'caught up')
  await until(() => alice.store.getState().outbox[id] === undefined, 'sent')
  expect(states).toContain('reconnecting')
  expect(states).not.toContain('closed')
})

test('CL-9 being removed takes the conversation away, at once and after an absence', async () => {
  const [first, second] = [await conversationWith('a'), await conversationWith('b')]
  const bob = await online('bob', { overNetwork: true })
  await bob.conversations.load({})
  await Promise.all([bob.conversations.open(first), bob.conversations.open(second)])
  await who.alice.call('removeParticipant', { conversationId: first, userId: 'bob' })
  await until(() => bob.store.getState().conversations[first] === undefined, 'the first one is gone')
  await goOffline(bob)
  await who.alice.call('removeParticipant', { conversationId: second, userId: 'bob' })
  network.flow()
  bob.reconnectNow()
  await until(() => bob.store.getState().conversations[second] === undefined, 'the second one is gone')
  const { timelines, lists } = bob.store.getState()
  expect([timelines[first], timelines[second]]).toEqual([undefined, undefined])
  expect(lists[listKey({})]?.ids).not.toContain(first)
  await expect(bob.conversations.open(first)).rejects.toMatchObject({ code: 'not_found' })
  expect(bob.store.getState().timelines[first]).toMatchObject({ status: 'error', error: { code: 'not_found' } })
})

test('CL-9 being added again brings it back', async () => {
  const id = await conversationWith('before')
  const bob = await online('bob')
  await bob.conversations.open(id)
  await who.alice.call('removeParticipant', { conversationId: id, userId: 'bob' })
  await until(() => bob.store.getState().conversations[id] === undefined, 'gone')
  await who.alice.call('addParticipant', { conversationId: id, userId: 'bob', history: 'all' })
  await until(() => bob.store.getState().conversations[id], 'back')
  await bob.conversations.open(id)
  expect(textsOf(bob, id)).toEqual(['before'])
})

test('CL-70 a note never reaches the client of the other side, nor does a trace of it', async () => {
  const id = await conversationWith('for all')
  const carol = await online('carol', { overNetwork: true })
  const alice = await online('alice')
  await carol.conversations.load({})
  await Promise.all([carol.conversations.open(id), carol.participants.load(id), alice.conversations.open(id)])
  const before = carol.store.getState()
  alice.typing.input(id, 'team')
  const told = alice.messages.send(id, { text: 'secret-word', audience: 'team' })
  await until(() => alice.store.getState().outbox[id] === undefined, 'the note is stored')
  expect(selectRows(alice.store.getState(), id).map(({ key }) => key)).toContain(told)
  await note(who.bob, id, 'secret-word too')
  await goOffline(carol)
  await note(who.bob, id, 'secret-word again')
  network.flow()
  carol.reconnectNow()
  await until(() => isOnline(carol), 'back')
  await say(who.bob, id, 'after')
  await until(() => textsOf(carol, id).includes('after'), 'the next message is there')
  const after = carol.store.getState()
  expect(JSON.stringify(after)).not.toContain('secret-word')
  expect(network.carried()).not.toContain('secret-word')
  expect(after.typing).toEqual({})
  expect(after.conversations[id]?.seq).toBe((before.conversations[id]?.seq ?? 0) + 1)
})

test('CL-42 what is unread equals the server’s count, after marks and after a reload', async () => {
  const id = await conversationWith('1', '2', '3', '4', '5')
  const alice = await online('alice')
  await alice.conversations.load({})
  await alice.conversations.open(id)
  expect(alice.store.getState().conversations[id]?.unread).toBe(5)
  const third = alice.store.getState().timelines[id]?.items.find(({ text }) => text === '3')
  alice.reads.markRead(id, third?.seq ?? 0)
  expect(alice.store.getState().conversations[id]?.unread).toBe(2)
  const unread = async () => (await who.alice.call('getConversation', { conversationId: id })).conversation.unread
  await expect.poll(unread).toBe(2)
  const again = await online('alice')
  await again.conversations.load({})
  expect(again.store.getState().conversations[id]?.unread).toBe(2)
  again.reads.markRead(id, 1_000_000)
  await expect.poll(unread).toBe(0)
  await until(() => alice.store.getState().conversations[id]?.unread === 0, 'the other device knows')
})

test('CL-10 what was written before a reload without a network is sent after it', async () => {
  const id = await conversationWith()
  const storage = memoryStorage()
  const before = await online('alice', { storage, overNetwork: true })
  await before.conversations.open(id)
  await goOffline(before)
  const key = before.messages.send(id, { text: 'kept' })
  before.drafts.set(id, 'everyone', 'half a')
  await before.close()
  network.flow()
  const after = await online('alice', { storage, overNetwork: true })
  await after.conversations.open(id)
  expect(after.drafts.get(id, 'everyone')).toBe('half a')
  await until(() => after.store.getState().outbox[id] === undefined, 'sent')
  const { items } = await who.bob.call('listMessages', { conversationId: id })
  expect(items.filter(({ clientKey }) => clientKey === key)).toMatchObject([{ text: 'kept' }])
})

test('CL-60 a conversation that is opened again comes into the list of whoever did not have it, and its people stay in step', async () => {
  const id = await conversationWith('put away')
  await who.alice.call('updateConversation', { conversationId: id, status: 'archived' })
  const bob = await online('bob')
  await bob.conversations.load({})
  const listed = () => bob.store.getState().lists[listKey({})]?.ids.includes(id)
  expect(listed()).toBe(false)
  await who.alice.call('updateConversation', { conversationId: id, status: 'open' })
  await until(listed, 'in the list')
  await bob.participants.load(id)
  await who.alice.call('addParticipant', { conversationId: id, userId: 'dave' })
  await until(() => bob.store.getState().participants[id]?.items.some(({ userId }) => userId === 'dave'), 'dave')
})

test('CL-6 a device that missed a lot is at the head again', async () => {
  const id = await conversationWith('before')
  const alice = await online('alice', { overNetwork: true })
  await alice.conversations.open(id)
  await goOffline(alice)
  const missed = limits.resumeEvents + 20
  await Promise.all(Array.from({ length: missed - 1 }, (_, i) => say(who.bob, id, `missed ${i}`)))
  await say(who.bob, id, 'missed last')
  network.flow()
  alice.reconnectNow()
  await until(() => textsOf(alice, id).at(-1) === 'missed last', 'at the head')
  expect(alice.store.getState().conversations[id]?.unread).toBe(missed + 1)
})

test('CL-4 a server with another database is noticed, and everything loaded afresh', async () => {
  const id = await conversationWith('as it was')
  const alice = await online('alice')
  await alice.conversations.load({})
  await alice.conversations.load({ q: 'nothing like it' })
  await alice.conversations.open(id)
  await alice.participants.load(id)
  const epoch = alice.store.getState().session.me?.epoch
  await restoreAnother(id)
  await until(() => alice.store.getState().session.me?.epoch !== epoch, 'another epoch')
  await until(() => textsOf(alice, id)[0] === 'as restored', 'loaded afresh')
  const { lists, timelines } = alice.store.getState()
  expect(Object.values(lists).map(({ status }) => status)).toEqual(['ready', 'ready'])
  expect(timelines[id]?.status).toBe('ready')
  await until(() => alice.store.getState().participants[id]?.items.length === 3, 'people loaded afresh')
})

test('CL-4 what was missed and is forgotten by the log is loaded afresh', async () => {
  const id = await conversationWith('before')
  const alice = await online('alice', { overNetwork: true })
  await alice.conversations.open(id)
  await goOffline(alice)
  await who.bob.call('updateConversation', { conversationId: id, subject: 'Meanwhile' })
  await say(who.bob, id, 'meanwhile')
  await server.database.query('delete from changes where conversation_id = $1', [id])
  network.flow()
  alice.reconnectNow()
  await until(() => textsOf(alice, id).at(-1) === 'meanwhile', 'at the head')
  expect(alice.store.getState().conversations[id]?.conversation.subject).toBe('Meanwhile')
  await say(who.bob, id, 'after')
  await until(() => textsOf(alice, id).at(-1) === 'after', 'goes on')
})

test('CL-7 messages are shown after a change of the database also when lists cannot be loaded at that moment', async () => {
  const id = await conversationWith('as it was')
  const alice = await online('alice')
  await alice.conversations.load({})
  await alice.conversations.open(id)
  const { fetch } = globalThis
  let failures = 0
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    if (!new URL(url).pathname.endsWith('/conversations') || failures > 0) return fetch(url, init)
    failures += 1
    throw new TypeError('fetch failed')
  })
  try {
    await restoreAnother(id)
    await until(() => textsOf(alice, id)[0] === 'as restored', 'loaded afresh')
    await until(() => alice.store.getState().lists[listKey({})]?.status === 'ready', 'the list too')
    expect(failures).toBe(1)
  } finally {
    vi.unstubAllGlobals()
  }
})

test('CL-33 a session that ends by itself leaves what is loaded, and keeps what is unsent', async () => {
  const id = await conversationWith('readable')
  const storage = memoryStorage()
  await who.alice.call('addParticipant', { conversationId: id, userId: 'dave', history: 'all' })
  const dave = await online('dave', { storage })
  await dave.conversations.open(id)
  server.travel(31 * day)
  await until(() => dave.store.getState().session.status === 'expired', 'expired')
  dave.messages.send(id, { text: 'unsent' })
  expect(textsOf(dave, id)).toEqual(['readable'])
  expect(dave.store.getState().connection).toEqual({ status: 'idle' })
  const owner = JSON.stringify([server.url, 'w1', 'dave'])
  expect((await storage.load(owner)).pending).toMatchObject([{ text: 'unsent' }])
  server.travel(-31 * day)
  await dave.start()
  await until(() => dave.store.getState().outbox[id] === undefined, 'sent after all')
  await until(() => textsOf(dave, id).includes('unsent'), 'and shown')
})

test('CL-42 what was read elsewhere while this device was away is read here too, below the first page of a list', async () => {
  const id = await conversationWith('unread')
  const { items } = await who.bob.call('listChanges', { conversationId: id, after: 0 })
  await Promise.all(
    Array.from({ length: limits.pageDefault }, () => startConversation(who.bob, [who.alice], { kind: 'internal' })),
  )
  const alice = await online('alice', { overNetwork: true })
  await alice.conversations.load({})
  await alice.conversations.loadMore({})
  const ids = alice.store.getState().lists[listKey({})]?.ids ?? []
  expect(ids.indexOf(id)).toBeGreaterThanOrEqual(limits.pageDefault)
  expect(alice.store.getState().conversations[id]?.unread).toBe(1)
  await goOffline(alice)
  await who.alice.call('markRead', { conversationId: id, seq: items.at(-1)?.seq ?? 0 })
  network.flow()
  await until(() => isOnline(alice), 'back')
  await until(() => alice.store.getState().conversations[id]?.unread === 0, 'read')
})

test('CL-33 who is deactivated is left with nothing', async () => {
  const id = await conversationWith('secret')
  const erin = await person(server, { id: 'erin', role: 'member', workspace: 'w1' })
  const client = clientWith({ serverUrl: server.url, getToken: async () => erin.token })
  await client.start()
  await who.alice.call('addParticipant', { conversationId: id, userId: 'erin', history: 'all' })
  await client.conversations.open(id)
  await until(() => isOnline(client), 'online')
  await server.running.identity.deactivateUser({ workspaceId: 'w1', userId: 'erin' })
  await until(() => client.store.getState().session.status === 'signed-out', 'signed out')
  expect(client.store.getState().conversations).toEqual({})
})

test('CL-33 a device that hangs keeps nobody from signing out', async () => {
  const erin = await person(server, { id: 'erin-leaves', role: 'member', workspace: 'w1' })
  const storage = { ...memoryStorage(), erase: () => new Promise<never>(() => {}) }
  const client = clientWith({ serverUrl: server.url, getToken: async () => erin.token, storage })
  await client.start()
  await client.session.signOut()
  expect((await erin.callRaw('getMe', {})).status).toBe(401)
})

test('CL-33 signing out erases the device', async () => {
  const id = await conversationWith('secret')
  const storage = memoryStorage()
  const alice = await online('alice', { storage, overNetwork: true })
  await alice.conversations.open(id)
  await goOffline(alice)
  alice.messages.send(id, { text: 'unsent' })
  alice.drafts.set(id, 'everyone', 'half a')
  await expect(alice.session.signOut()).rejects.toMatchObject({ code: 'unavailable' })
  const { conversations, timelines, outbox, drafts, users, session } = alice.store.getState()
  expect([conversations, timelines, outbox, drafts, users]).toEqual([{}, {}, {}, {}, {}])
  expect(session).toMatchObject({ status: 'signed-out', me: null, unended: { code: 'unavailable' } })
  const owner = JSON.stringify([network.url, 'w1', 'alice'])
  expect(await storage.load(owner)).toEqual({ pending: [], drafts: {} })
  network.flow()
  await alice.session.signOut()
  expect(alice.store.getState().session).toEqual({ status: 'signed-out', me: null })
})

test('CL-68 what one sends is told from what another tab does', async () => {
  const id = await conversationWith('tabs')
  const storage = { ...memoryStorage(), sharedAs: 'two tabs' }
  const [here, there] = [await online('alice', { storage }), await online('alice', { storage })]
  await here.conversations.open(id)
  expect(here.messages.lastSent).toBeNull()
  const key = there.messages.send(id, { text: 'from there' })
  const shown = () => here.store.getState().timelines[id]?.items.some(({ clientKey }) => clientKey === key) ?? false
  await until(shown, 'shown here')
  expect([here.messages.lastSent, there.messages.lastSent]).toEqual([null, key])
})

test('CL-64 people are loaded whatever their ids are made of, and however long they are', async () => {
  const odd = ['smith, john', ',', '50%', '%2C', '%', 'a&b=c', 'ü'.repeat(limits.nameLength)]
  const long = Array.from({ length: 110 }, (_, index) => `${index}`.padStart(limits.nameLength, 'x'))
  const ids = [...odd, ...long]
  await Promise.all(ids.map((id) => person(server, { id, role: 'member', workspace: 'w1' })))
  const alice = await online('alice')
  await alice.users.load(ids)
  const { users } = alice.store.getState()
  expect(ids.filter((id) => users[id]?.id !== id)).toEqual([])
})

test('CL-62 reads that come too fast wait their turn', async () => {
  const strict = await startTestServer({ rateLimits: true })
  const { alice } = await people(strict)
  const client = clientWith({ serverUrl: strict.url, getToken: () => signToken(strict, alice) })
  await client.start()
  const answers = await Promise.allSettled(
    Array.from({ length: 75 }, (_value, index) => client.users.load([`a${index}`])),
  )
  expect(answers.filter(({ status }) => status === 'rejected')).toEqual([])
  await client.close()
  await strict.close()
})
