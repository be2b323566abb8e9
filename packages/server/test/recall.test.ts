import { newKey, newMark, say, startConversation } from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from './nodes/cluster.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster(null)
})

afterAll(() => cluster.close())

/** Alice is at the first node, which recalls her in the conversation; its owner is at the second. */
async function recalled() {
  const [alice, root] = [await cluster.person('alice', 0), await cluster.person('root', 1)]
  const { conversation } = await startConversation(root, [alice], { kind: 'internal' })
  for (const text of ['one', 'two', 'three']) await say(alice, conversation.id, text)
  return { conversationId: conversation.id, alice, root }
}

type Scene = Awaited<ReturnType<typeof recalled>>

function send({ alice, conversationId }: Scene, text = newMark()) {
  return alice.callRaw('sendMessage', { conversationId, clientKey: newKey(), text })
}

async function stored(text: string): Promise<number> {
  return (await cluster.database.query('select 1 from messages where text = $1', [text])).length
}

test('G9 who was removed at another node is refused at once by the node that recalls him', async () => {
  const scene = await recalled()
  const { conversationId, root } = scene
  await root.call('removeParticipant', { conversationId, userId: 'alice' })
  const text = newMark()
  expect((await send(scene, text)).status).toBe(404)
  expect(await stored(text)).toBe(0)
})

test('G9 who was deactivated is refused at once by the node that recalls him', async () => {
  const scene = await recalled()
  const deactivate = (at: string) =>
    cluster.database.query(`update users set deactivated_at = ${at} where id = 'alice'`)
  await deactivate('now()')
  const text = newMark()
  const { status } = await send(scene, text)
  await deactivate('null')
  expect([401, 404]).toContain(status)
  expect(await stored(text)).toBe(0)
  expect((await send(scene)).status).toBe(200)
})

test('SEC-53 who has become an outsider is refused in an internal conversation by the node that recalls him', async () => {
  const scene = await recalled()
  const roleIs = (role: string) => cluster.database.query('update users set role = $1 where id = $2', [role, 'alice'])
  const socket = await scene.alice.online()
  await roleIs('external')
  const text = newMark()
  const input = { conversationId: scene.conversationId, clientKey: newKey(), text, audience: 'everyone' } as const
  await expect(socket.command('send-message', input)).rejects.toMatchObject({ code: 'not_found' })
  await roleIs('member')
  expect(await stored(text)).toBe(0)
  expect((await send(scene)).status).toBe(200)
  socket.drop()
})

test('G4 a conversation that was archived at another node takes nothing from the node that recalls it open', async () => {
  const scene = await recalled()
  const { conversationId, root } = scene
  await root.call('updateConversation', { conversationId, status: 'archived' })
  expect((await send(scene)).status).toBe(409)
  await root.call('updateConversation', { conversationId, status: 'open' })
  expect((await send(scene)).status).toBe(200)
})

test('G4 two nodes that write into one conversation in turns and at once give one line without holes', async () => {
  const { alice, conversationId, root } = await recalled()
  for (let turn = 0; turn < 10; turn += 1) {
    await say(turn % 2 === 0 ? alice : root, conversationId, newMark())
    await Promise.all([alice, root, alice, root].map((who) => say(who, conversationId, newMark())))
  }
  const rows = await cluster.database.query<{ seq: number }>(
    'select seq from changes where conversation_id = $1 order by seq',
    [conversationId],
  )
  expect(rows.map(({ seq }) => Number(seq))).toEqual(rows.map((_row, index) => index + 1))
  const messages = await cluster.database.query('select 1 from messages where conversation_id = $1', [conversationId])
  expect(messages).toHaveLength(53)
})

test('G4 what one sender hands over by one socket stands in that order, whatever another node writes there meanwhile', async () => {
  const { alice, conversationId, root } = await recalled()
  const sockets = [await alice.online(), await root.online()] as const
  for (let round = 0; round < 20; round += 1) {
    const marks = sockets.map(() => Array.from({ length: 15 }, newMark))
    const sends = sockets.flatMap((socket, index) =>
      (marks[index] ?? []).map(async (text) => {
        const input = { conversationId, clientKey: newKey(), text, audience: 'everyone' } as const
        return (await socket.command('send-message', input)).message
      }),
    )
    const sent = (await Promise.all(sends)).sort((a, b) => a.seq - b.seq)
    for (const own of marks) {
      expect(sent.filter(({ text }) => own.includes(text)).map(({ text }) => text)).toEqual(own)
    }
  }
  for (const socket of sockets) socket.close()
})

test('G1 the time of an answered message is the one that is stored', async () => {
  const { alice, conversationId } = await recalled()
  const { message } = await alice.call('sendMessage', { conversationId, clientKey: newKey(), text: 'when' })
  const page = await alice.call('listMessages', { conversationId })
  expect(page.items.at(-1)).toEqual(message)
  expect(Math.abs(Date.parse(message.createdAt) - Date.now())).toBeLessThan(60_000)
})
