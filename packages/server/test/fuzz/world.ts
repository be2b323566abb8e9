import { ParleyError } from '@parley/protocol'
import {
  type Device,
  type People,
  people,
  type Seeded,
  say,
  seeded,
  startConversation,
  startDevice,
  type TestRedis,
} from '@parley/testing'
import { type Nodes, startNodes, startRedis } from '../nodes/cluster.ts'

/** What a run is over: so many servers, and what they hear each other over, if anything. */
export interface Setting {
  readonly servers: number
  readonly redis: boolean
}

/** A text that says where it came from: who receives it must have been allowed to. */
export interface Spoken {
  /** The message that was edited to it; null for one that was sent with it. */
  readonly messageId: string | null
  readonly text: string
}

/** Everything a run acts on and remembers. */
export interface World extends Nodes {
  readonly random: Seeded
  readonly redis: TestRedis | null
  readonly all: People
  readonly devices: readonly Device[]
  /** Those of people in the conversations, two of whom have two; the last device is an outsider's. */
  readonly insiders: readonly Device[]
  readonly conversationIds: readonly string[]
  readonly edits: Spoken[]
  /** What was done, a line for each action. */
  readonly story: string[]
  /** What happened that must not. */
  readonly surprises: string[]
  /** What goes on beside the actions. */
  readonly pending: Set<{ readonly what: string }>
}

/** Refusals that may happen when people act at the same time, over a bad network. */
const expected: ReadonlySet<string> = new Set(['unavailable', 'not_found', 'forbidden', 'conversation_archived'])
const historyLength = 130

/** Keeps an eye on something that goes on beside the actions. */
export function beside(world: World, what: string, work: Promise<unknown>): void {
  const pending = { what }
  world.pending.add(pending)
  work
    .catch((error: unknown) => {
      const code = error instanceof ParleyError ? error.code : 'unknown'
      if (!expected.has(code)) world.surprises.push(`${what}: ${code}: ${error}`)
    })
    .finally(() => world.pending.delete(pending))
}

/** A word nobody else says, made from the seed. */
export function mark({ random }: Pick<World, 'random'>): string {
  return `mark${Array.from({ length: 4 }, () =>
    random
      .below(2 ** 16)
      .toString(16)
      .padStart(4, '0'),
  ).join('')}`
}

/** An external conversation with a long history, a short one, and an internal one. */
async function startConversations(all: People): Promise<string[]> {
  const { alice, bob, carol, dave, eve } = all
  const started = [
    await startConversation(alice, [bob, carol, dave, eve]),
    await startConversation(alice, [bob, carol]),
    await startConversation(alice, [bob, eve], { kind: 'internal' }),
  ]
  const conversationIds = started.map(({ conversation }) => conversation.id)
  const [long = ''] = conversationIds
  for (let index = 0; index < historyLength; index += 1) {
    await say(index % 3 === 0 ? carol : bob, long, `history ${index}`)
  }
  return conversationIds
}

/** @param seed decides every choice */
export async function createWorld(seed: number, { servers, redis: withRedis }: Setting): Promise<World> {
  const redis = withRedis ? await startRedis() : null
  const { nodes, database, close } = await startNodes(servers, redis)
  const all = await people(nodes[0])
  const conversationIds = await startConversations(all)
  const { alice, bob, carol, dave, eve, mallory } = all
  const owners = [alice, bob, carol, dave, eve, bob, carol, mallory]
  const devices = await Promise.all(owners.map((who) => startDevice(nodes, who)))
  return {
    random: seeded(seed),
    nodes,
    database,
    redis,
    all,
    devices,
    insiders: devices.slice(0, -1),
    conversationIds,
    edits: [],
    story: [],
    surprises: [],
    pending: new Set(),
    close: async () => {
      await Promise.all(devices.map((device) => device.close()))
      await close()
      await redis?.kill()
    },
  }
}
