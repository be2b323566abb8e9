import { setTimeout as sleep } from 'node:timers/promises'
import type { Message } from '@parley/protocol'
import { newKey, type Person, say, startConversation, type TestSocket } from '@parley/testing'
import type { Cluster } from './cluster.ts'

/** How messages between two nodes came through. */
export interface Outcome {
  /** From the sending to the arrival at the other node, milliseconds, the shortest first; infinite for what was lost. */
  readonly delays: readonly number[]
  /** What did not come, came twice or came out of order; none when all is right. */
  readonly faults: readonly string[]
}

const pause = 15
const patience = 5_000

class Ear {
  readonly seqs: number[] = []
  readonly #arrivals = new Map<string, number>()

  constructor(socket: TestSocket, conversationId: string) {
    socket.listen(({ name, payload }) => {
      if (name !== 'new-message') return
      const event = payload as { conversationId: string; seq: number; data: { message: Message } }
      if (event.conversationId !== conversationId) return
      this.seqs.push(event.seq)
      this.#arrivals.set(event.data.message.text, performance.now())
    })
  }

  async arrivalOf(text: string): Promise<number> {
    const deadline = performance.now() + patience
    while (!this.#arrivals.has(text) && performance.now() < deadline) await sleep(5)
    return this.#arrivals.get(text) ?? Number.POSITIVE_INFINITY
  }
}

interface Course {
  readonly ear: Ear
  readonly sent: Map<string, number>
  write(isOver: () => boolean): Promise<void>
}

/** Somebody who writes at one node, and somebody who only listens at the other: nothing but the bus or the log tells him. */
async function startCourse(sender: Person, listener: Person, socket: TestSocket): Promise<Course> {
  const { conversation } = await startConversation(sender, [listener], { kind: 'internal' })
  const sent = new Map<string, number>()
  return {
    ear: new Ear(socket, conversation.id),
    sent,
    write: async (isOver) => {
      while (!isOver()) {
        const text = newKey()
        sent.set(text, performance.now())
        await say(sender, conversation.id, text)
        await sleep(pause)
      }
    },
  }
}

async function delaysOf({ ear, sent }: Course): Promise<number[]> {
  return Promise.all([...sent].map(async ([text, at]) => (await ear.arrivalOf(text)) - at))
}

function disorderOf({ ear: { seqs } }: Course): string[] {
  const at = seqs.findIndex((seq, index) => index > 0 && seq !== (seqs[index - 1] ?? 0) + 1)
  return at < 0 ? [] : [`${seqs[at]} after ${seqs[at - 1]}`]
}

/** Messages go from each node to the other, in a conversation for each way, until something is over. */
export async function runTraffic(cluster: Cluster, over: () => Promise<void>): Promise<Outcome> {
  const [alice, bob] = [await cluster.person('alice', 0), await cluster.person('bob', 1)]
  const sockets = [await alice.online(), await bob.online()] as const
  const courses = [await startCourse(alice, bob, sockets[1]), await startCourse(bob, alice, sockets[0])]
  let isOver = false
  const writing = Promise.all(courses.map((course) => course.write(() => isOver)))
  await over()
  isOver = true
  await writing
  const delays = await Promise.all(courses.map(delaysOf))
  for (const socket of sockets) socket.close()
  return {
    delays: delays.flat().sort((a, b) => a - b),
    faults: courses.flatMap(disorderOf),
  }
}

/** The delay that 99 of 100 do not exceed. */
export function p99({ delays }: Outcome): number {
  return delays[Math.ceil(delays.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY
}
