import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '@parley/protocol'
import { createProgram, newKey, type People, type Program, people, say, startConversation } from '@parley/testing'
import { afterEach, expect, test } from 'vitest'

const readyWithin = 5_000
const stopsWithin = 10_000

let program: Program | undefined

afterEach(async () => {
  await program?.remove()
  program = undefined
})

interface Started {
  readonly server: Program
  readonly all: People
  readonly conversationId: string
}

/** A server with its own database, and a conversation with one message. */
async function started(): Promise<Started> {
  const server = await createProgram()
  program = server
  await server.start()
  const all = await people(server)
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  await say(all.alice, conversation.id, 'before')
  return { server, all, conversationId: conversation.id }
}

/** The database server: of all processes on the data directory, the one that is not ours and started the others. */
function databaseOf(server: Program): number {
  const [first] = server.processes().filter((pid) => pid !== server.pid)
  if (first === undefined) throw new Error('There is no database server')
  return first
}

async function texts({ all, conversationId }: Started): Promise<string[]> {
  const { items } = await all.carol.call('listMessages', { conversationId, limit: limits.pageMax })
  return items.map(({ text }) => text)
}

async function allGone(server: Program): Promise<void> {
  const deadline = performance.now() + readyWithin
  while (server.processes().length > 0 && performance.now() < deadline) await sleep(20)
  expect(server.processes()).toEqual([])
}

test('RUN-1 a second server on the same data directory is refused within 2 s and harms nothing', async () => {
  const scene = await started()
  const before = scene.server.processes()
  const begun = performance.now()
  const exit = await scene.server.startSecond()
  expect(performance.now() - begun).toBeLessThan(2_000)
  expect(exit).toMatchObject({ code: 1, complaint: expect.stringContaining(`process ${scene.server.pid}`) })
  expect(exit.complaint).toContain('PARLEY_DATA_DIR')
  expect(scene.server.processes()).toEqual(before)
  await say(scene.all.carol, scene.conversationId, 'after')
  expect(await texts(scene)).toEqual(['before', 'after'])
})

const elsewhere = ['unshare', '--net', '--uts'] as const
const canUnshare = spawnSync('unshare', [...elsewhere.slice(1), 'true'], { stdio: 'ignore' }).status === 0

test.skipIf(!canUnshare)(
  'RUN-1 a second server with a network of its own, as in a container, is refused as well (needs Linux and root)',
  async () => {
    const scene = await started()
    const begun = performance.now()
    const exit = await scene.server.startSecond(...elsewhere)
    expect(performance.now() - begun).toBeLessThan(2_000)
    expect(exit).toMatchObject({ code: 1, complaint: expect.stringContaining(`process ${scene.server.pid}`) })
    await say(scene.all.carol, scene.conversationId, 'after')
    expect(await texts(scene)).toEqual(['before', 'after'])
  },
)

test('RUN-2 a normal stop ends with code 0 and leaves no process; the next start has everything', async () => {
  const scene = await started()
  expect(await scene.server.end('SIGTERM')).toMatchObject({ code: 0, signal: null })
  expect(scene.server.processes()).toEqual([])
  expect(await scene.server.start()).toBeLessThan(readyWithin)
  expect(await texts(scene)).toEqual(['before'])
})

test('RUN-2 a stop under load answers or refuses every request; nothing that was acknowledged is lost', async () => {
  const scene = await started()
  const sends = Array.from({ length: 100 }, (_value, index) => {
    const input = { conversationId: scene.conversationId, clientKey: newKey(), text: `${index}` }
    return scene.all.alice.callRaw('sendMessage', input)
  })
  await Promise.race(sends)
  const begun = performance.now()
  expect(await scene.server.end('SIGTERM')).toMatchObject({ code: 0 })
  expect(performance.now() - begun).toBeLessThan(stopsWithin)
  const outcomes = await Promise.allSettled(sends)
  await scene.server.start()
  const present = new Set(await texts(scene))
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') expect([200, 503]).toContain(outcome.value.status)
    if (outcome.status === 'fulfilled' && outcome.value.status === 200) expect(present).toContain(`${index}`)
  }
})

test('RUN-3 after kill -9 of the server alone the next start is clean, and nothing is left of the old one', async () => {
  const scene = await started()
  await scene.server.end('SIGKILL')
  expect(await scene.server.start()).toBeLessThan(readyWithin)
  expect(await texts(scene)).toEqual(['before'])
  expect(await scene.server.end('SIGTERM')).toMatchObject({ code: 0 })
  expect(scene.server.processes()).toEqual([])
})

test('RUN-3 after kill -9 of the server nothing stays behind, also when it is not started again', async () => {
  const scene = await started()
  await scene.server.end('SIGKILL')
  await allGone(scene.server)
})

test('RUN-4 after kill -9 of the database alone the server refuses with 503, lives, and recovers by itself', async () => {
  const scene = await started()
  const { server, all, conversationId } = scene
  const socket = await all.carol.online()
  process.kill(databaseOf(server), 'SIGKILL')
  const input = { conversationId, clientKey: newKey(), text: 'through the fault' }
  const refusals: number[] = []
  let answer = await all.alice.callRaw('sendMessage', input)
  // A process of the database may outlive the killed one for a moment, and answer.
  while (answer.status !== 200 || refusals.length === 0) {
    if (answer.status !== 200) {
      refusals.push(answer.status)
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
    }
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    await sleep(50)
    answer = await all.alice.callRaw('sendMessage', input)
  }
  expect(new Set(refusals)).toEqual(new Set([503]))
  expect(await server.ready()).toBeLessThan(readyWithin)
  expect(await texts(scene)).toEqual(['before', 'through the fault'])
  await socket.frame(({ name, payload }) => name === 'new-message' && JSON.stringify(payload).includes('through'))
  socket.close()
})

test('RUN-5 after kill -9 of server and database the next start is clean', async () => {
  const scene = await started()
  process.kill(databaseOf(scene.server), 'SIGKILL')
  await scene.server.end('SIGKILL')
  expect(await scene.server.start()).toBeLessThan(readyWithin)
  expect(await texts(scene)).toEqual(['before'])
  await say(scene.all.bob, scene.conversationId, 'after')
})

test('RUN-6 a second start is ready within 3 s', async () => {
  const scene = await started()
  await scene.server.end('SIGTERM')
  expect(await scene.server.start()).toBeLessThan(3_000)
})
