import { setTimeout as sleep } from 'node:timers/promises'
import { createProgram, newKey, note, type People, type Program, people, say, startConversation } from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectionOf } from '../src/db/embedded.ts'
import { judgeLoad, startLoad } from './load.ts'

let program: Program
let all: People

beforeAll(async () => {
  program = await createProgram({}, ['start', '--processes', '2'])
  await program.start()
  all = await people(program)
})

afterAll(() => program.remove())

function firstWorker(): number {
  const [worker] = program.workers()
  if (worker === undefined) throw new Error('No process serves')
  return worker
}

/** Two serve, and a process that was there is none of them. */
async function untilReplaced(victim: number): Promise<void> {
  const serving = () => program.workers().includes(victim) || program.workers().length
  await expect.poll(serving, { timeout: 25_000 }).toBe(2)
}

test('NODE-9 two processes serve one port, and everybody hears everybody in order', async () => {
  const { conversation, seq } = await startConversation(all.alice, [all.bob, all.carol])
  const sockets = await Promise.all(
    [all.alice, all.bob, all.carol, all.carol, all.bob, all.alice].map((who) => who.online()),
  )
  for (let index = 0; index < 50; index += 1)
    await say([all.alice, all.bob, all.carol][index % 3] ?? all.bob, conversation.id, `${index}`)
  for (const socket of sockets) {
    await socket.reached(conversation.id, seq + 50)
    expect(socket.events(conversation.id).map((event) => event.seq)).toEqual(
      Array.from({ length: 50 }, (_v, index) => seq + 1 + index),
    )
    socket.close()
  }
  expect(program.workers()).toHaveLength(2)
})

test('NODE-9 whoever takes a message, the answer is the same, and a key counts once', async () => {
  const conversations = await Promise.all(Array.from({ length: 8 }, () => startConversation(all.alice, [all.carol])))
  for (const { conversation } of conversations) {
    const { id: conversationId } = conversation
    const more = { clientKey: newKey() }
    const said = await Promise.all([1, 2, 3, 4].map(() => say(all.carol, conversationId, 'once', more)))
    expect(new Set(said.map(({ id }) => id)).size).toBe(1)
    await expect(say(all.carol, conversationId, 'other', more)).rejects.toMatchObject({ code: 'client_key_reused' })
    await expect(note(all.carol, conversationId, 'note')).rejects.toMatchObject({ code: 'forbidden' })
    await expect(say(all.dave, conversationId, 'outside')).rejects.toMatchObject({ code: 'not_found' })
    const quote = say(all.alice, conversationId, 'quote', { replyTo: 'nothing' })
    await expect(quote).rejects.toMatchObject({ code: 'not_found' })
  }
})

test('NODE-9 a process that hangs keeps no message of the others, and is asked again when it goes on', async () => {
  const conversations = await Promise.all(Array.from({ length: 8 }, () => startConversation(all.alice, [all.bob])))
  const sockets = await Promise.all(Array.from({ length: 8 }, () => all.alice.online()))
  const victim = firstWorker()
  const sayEverywhere = async (text: string) => {
    for (const { conversation } of conversations) {
      const input = { conversationId: conversation.id, clientKey: newKey(), text, audience: 'everyone' } as const
      await Promise.any(sockets.map((socket) => socket.command('send-message', input)))
    }
  }
  process.kill(victim, 'SIGSTOP')
  const begun = performance.now()
  await sayEverywhere('meanwhile').finally(() => process.kill(victim, 'SIGCONT'))
  expect(performance.now() - begun).toBeLessThan(5_000)
  await sayEverywhere('afterwards')
  for (const { conversation, seq } of conversations) {
    for (const socket of sockets) await socket.reached(conversation.id, seq + 2)
    const { items } = await all.bob.call('listMessages', { conversationId: conversation.id })
    expect(items.map((message) => message.text)).toEqual(['meanwhile', 'afterwards'])
  }
  for (const socket of sockets) socket.close()
})

test('G1 G2 G4 G6 NODE-9 processes are killed one after the other under load: nothing lost, doubled, out of order or unread', async () => {
  const load = await startLoad(all, 4)
  for (let round = 0; round < 4; round += 1) {
    await sleep(300)
    const victim = firstWorker()
    process.kill(victim, 'SIGKILL')
    await untilReplaced(victim)
  }
  await sleep(1_000)
  expect(await judgeLoad(load, connectionOf(program.dataDir))).toEqual([])
  for (const writer of load.writers) expect(writer.acknowledgements.length).toBeGreaterThan(20)
})

test('NODE-9 a process that is killed is replaced; the others go on', async () => {
  const victim = firstWorker()
  process.kill(victim, 'SIGKILL')
  await untilReplaced(victim)
  const { conversation } = await startConversation(all.alice, [all.bob])
  await say(all.bob, conversation.id, 'still here')
})

test('NODE-9 a process that is killed while others ask it for something takes nobody with it', async () => {
  const conversations = await Promise.all(Array.from({ length: 8 }, () => startConversation(all.alice, [all.bob])))
  const sockets = await Promise.all(Array.from({ length: 8 }, () => all.alice.online()))
  const victim = firstWorker()
  process.kill(program.pid, 'SIGSTOP')
  const asked = sockets.flatMap((socket) =>
    conversations.map(({ conversation }) => {
      const input = {
        conversationId: conversation.id,
        clientKey: newKey(),
        text: 'asked',
        audience: 'everyone',
      } as const
      return socket.command('send-message', input)
    }),
  )
  const settled = Promise.allSettled(asked)
  await sleep(200)
  process.kill(victim, 'SIGKILL')
  await sleep(50)
  process.kill(program.pid, 'SIGCONT')
  await untilReplaced(victim)
  await settled
  await say(all.alice, conversations[0]?.conversation.id ?? '', 'still here')
  for (const socket of sockets) socket.drop()
})

test('NODE-9 a process that hangs for good is ended and replaced', async () => {
  const victim = firstWorker()
  process.kill(victim, 'SIGSTOP')
  await untilReplaced(victim)
})

test('NODE-9 processes share their port with each other and with nobody else', async () => {
  const port = new URL(program.url).port
  const second = await createProgram({ PORT: port }, ['start', '--processes', '2'])
  try {
    await expect(second.start()).rejects.toThrow('The port is in use by another program')
  } finally {
    await second.remove()
  }
})

test('NODE-9 a normal stop ends all of them with code 0', async () => {
  expect(await program.end('SIGTERM')).toMatchObject({ code: 0, signal: null })
  expect(program.processes()).toEqual([])
})

test('NODE-9 when the first process is killed the others end by themselves', async () => {
  await program.start()
  expect(program.workers()).toHaveLength(2)
  await program.end('SIGKILL')
  await expect.poll(() => program.processes(), { timeout: 15_000 }).toEqual([])
})
