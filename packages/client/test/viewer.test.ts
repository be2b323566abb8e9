import { note, say, signToken, startConversation } from '@parley/testing'
import { expect, test } from 'vitest'
import type { ParleyClient } from '../src/api.ts'
import { memoryStorage } from '../src/outbox-storage.ts'
import { clientWith, goOffline, isOnline, network, server, until, who } from './scene.ts'

function stateOf({ store }: ParleyClient) {
  return store.getState()
}

async function online(serverUrl: string, getToken: () => Promise<string>): Promise<ParleyClient> {
  const client = clientWith({ serverUrl, getToken, storage: memoryStorage() })
  await client.start()
  await until(() => isOnline(client), 'online')
  return client
}

/** Ends a token, as its owner does who signs out elsewhere. */
async function endToken(token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const answer = await fetch(`${server.url}/api/auth/sign-out`, { method: 'POST', headers, body: '{}' })
  expect(answer.status).toBe(200)
}

test('CL-19 what one person left unsent is not sent by the next one who is signed in when the connection comes back', async () => {
  const { id } = (await startConversation(who.alice, [who.bob], { kind: 'internal' })).conversation
  let [current, token] = [who.alice, '']
  const client = await online(network.url, async () => {
    token = await signToken(server, current)
    return token
  })
  await client.conversations.open(id)
  await goOffline(client)
  client.messages.send(id, { text: 'of alice' })
  client.drafts.set(id, 'everyone', 'draft of alice')
  await endToken(token)
  current = who.bob
  network.flow()
  client.reconnectNow()
  await until(
    () => stateOf(client).session.me?.user.id === 'bob' && stateOf(client).connection.status === 'online',
    'bob',
  )
  client.messages.send(id, { text: 'of bob' })
  await until(() => stateOf(client).outbox[id] === undefined, 'sent')
  const { items } = await who.bob.call('listMessages', { conversationId: id })
  const said = items.filter(({ kind }) => kind !== 'system').map(({ text, senderId }) => [senderId, text])
  expect(said).toEqual([['bob', 'of bob']])
  expect(stateOf(client).drafts).toEqual({})
})

test.each([
  ['external', 'member'],
  ['member', 'external'],
] as const)('CL-5 who turns from %s to %s while cut off has what he would load afresh', async (from, to) => {
  const { id } = (await startConversation(who.alice, [who.bob])).conversation
  const zoe = { id: `zoe-${from}`, role: from, workspace: who.alice.workspace }
  const before = await signToken(server, { ...zoe, issuedAt: Math.floor(Date.now() / 1000) - 60 })
  const after = await signToken(server, { ...zoe, role: to })
  let token = before
  const client = await online(network.url, async () => token)
  await who.alice.call('addParticipant', { conversationId: id, userId: zoe.id, history: 'all' })
  for (let count = 1; count <= 3; count += 1) await say(who.alice, id, `before ${count}`)
  await note(who.alice, id, 'note')
  await client.conversations.load({})
  await client.conversations.open(id)
  await goOffline(client)
  token = after
  await fetch(`${server.url}/api/me`, { headers: { authorization: `Bearer ${after}` } })
  for (let count = 1; count <= 6; count += 1) await say(who.alice, id, `after ${count}`)
  network.flow()
  client.reconnectNow()
  const fresh = await online(server.url, async () => after)
  await fresh.conversations.open(id)
  const seenBy = (one: ParleyClient) => {
    const { session, conversations, timelines } = stateOf(one)
    const items = timelines[id]?.items.map(({ seq, text }) => `${seq} ${text}`)
    return { role: session.me?.user.role, seq: conversations[id]?.seq, unread: conversations[id]?.unread, items }
  }
  await expect.poll(() => seenBy(client), { timeout: 15_000 }).toEqual(seenBy(fresh))
})
