import { readFileSync } from 'node:fs'
import { createProgram, type People, type Program, people, say, startConversation } from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

let program: Program
let all: People

beforeAll(async () => {
  program = await createProgram({}, ['start', '--processes', '2'])
  await program.start()
  all = await people(program)
})

afterAll(() => program.remove())

/** The processes that serve, without the one that started them and the database. */
function workers(): number[] {
  return program.processes().filter((pid) => pid !== program.pid && pid !== 0 && isNode(pid))
}

function isNode(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker.ts')
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
  expect(workers()).toHaveLength(2)
})

test('NODE-9 a process that is killed is replaced; the others go on', async () => {
  const [victim] = workers()
  process.kill(victim ?? 0, 'SIGKILL')
  await expect.poll(() => workers().length, { timeout: 15_000 }).toBe(2)
  expect(workers()).not.toContain(victim)
  const { conversation } = await startConversation(all.alice, [all.bob])
  await say(all.bob, conversation.id, 'still here')
})

test('NODE-9 a normal stop ends all of them with code 0', async () => {
  expect(await program.end('SIGTERM')).toMatchObject({ code: 0, signal: null })
  expect(program.processes()).toEqual([])
})

test('NODE-9 when the first process is killed the others end by themselves', async () => {
  await program.start()
  expect(workers()).toHaveLength(2)
  await program.end('SIGKILL')
  await expect.poll(() => program.processes(), { timeout: 15_000 }).toEqual([])
})
