import { limits } from '@parley/protocol'
import { type People, people, say, signToken, startConversation, startTcpProxy, startTestServer } from '@parley/testing'
import { expect, test } from 'vitest'
import type { ParleyClient } from '../src/api.ts'
import { createClient } from '../src/client.ts'
import { memoryStorage } from '../src/outbox-storage.ts'

const longText = '字'.repeat(limits.textLength)
const patiently = { interval: 50, timeout: 30_000 }

function unreadOf({ store }: ParleyClient, conversationId: string): number | undefined {
  return store.getState().conversations[conversationId]?.unread
}

/** Says long things until the server has told somebody that he is behind. */
async function talkUntilBehind(url: string, who: People, conversationId: string): Promise<number> {
  for (let said = 0; ; said += 8) {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    if (!/^parley_behind_total 0$/m.test(metrics)) return said
    await Promise.all(Array.from({ length: 8 }, () => say(who.alice, conversationId, longText)))
  }
}

test('CL-3 a device that could not keep up with the server has the marks that moved meanwhile', async () => {
  const server = await startTestServer()
  const who = await people(server)
  const network = await startTcpProxy(server.url)
  const { id } = (await startConversation(who.alice, [who.bob])).conversation
  const { id: noisy } = (await startConversation(who.alice, [who.bob])).conversation
  const { seq } = await say(who.alice, id, 'unread')
  const client = createClient({
    serverUrl: network.url,
    getToken: () => signToken(server, who.bob),
    storage: memoryStorage(),
  })
  await client.start()
  await expect.poll(() => client.store.getState().connection.status).toBe('online')
  await client.conversations.load({})
  expect(unreadOf(client, id)).toBe(1)
  network.hold('down')
  const said = await talkUntilBehind(server.url, who, noisy)
  await who.bob.call('markRead', { conversationId: id, seq })
  network.flow()
  await expect.poll(() => unreadOf(client, noisy), patiently).toBe(said)
  await expect.poll(() => unreadOf(client, id), patiently).toBe(0)
  await client.close()
  await network.close()
  await server.close()
})
