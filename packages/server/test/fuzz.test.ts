import { setTimeout as sleep } from 'node:timers/promises'
import { hasRedis } from '@parley/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { actions } from './fuzz/actions.ts'
import { compareWithFresh, rest } from './fuzz/rest.ts'
import { eventInWire, judgeTruth } from './fuzz/truth.ts'
import { beside, createWorld, type Setting, type World } from './fuzz/world.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32))
const length = Number(process.env.ACTIONS ?? 250)
const longestPause = 80
const actionsPerKill = 125
const actionsPerLoss = 50
const longestLoss = 1_500
const outsiderShare = 3

let world: World | undefined

afterEach(async () => {
  await world?.close()
  world = undefined
})

/** Every kind of action as often as its share says, at least once, in any order; servers are killed and restarted among them. */
function planOf({ random, redis }: World): string[] {
  const times = (kind: string, count: number) => Array.from({ length: Math.max(1, Math.round(count)) }, () => kind)
  return random.shuffled([
    ...Object.entries(actions).flatMap(([kind, { share }]) => times(kind, (share * length) / 100)),
    ...times('kill', length / actionsPerKill),
    ...times('restart', length / actionsPerKill / 2),
    ...times('freeze', length / actionsPerKill),
    ...(redis ? times('lose Redis', length / actionsPerLoss) : []),
  ])
}

/** Ends a server and starts it again. */
function endAndStart({ random, nodes, devices }: World, signal: NodeJS.Signals): () => Promise<void> {
  const node = random.pick(nodes) ?? nodes[0]
  return async () => {
    await node.end(signal)
    await node.start()
    for (const { client } of devices) client.reconnectNow()
  }
}

/** Stops a server with all its connections open, and lets it go on. */
function freeze({ random, nodes }: World): () => Promise<void> {
  const [node, time] = [random.pick(nodes) ?? nodes[0], random.below(longestLoss)]
  return async () => {
    process.kill(node.pid, 'SIGSTOP')
    await sleep(time)
    process.kill(node.pid, 'SIGCONT')
  }
}

/** Redis ends and comes back, or hangs for a while. */
function loseRedis({ random, redis }: World): () => Promise<void> {
  const [time, ends] = [random.below(longestLoss), random.chance(50)]
  return async () => {
    if (ends) await redis?.kill()
    else redis?.hang()
    await sleep(time)
    if (ends) await redis?.start()
    else redis?.goOn()
  }
}

/** What happens to servers, and to what they hear each other over. */
const serverActions: Readonly<Record<string, (world: World) => () => Promise<void>>> = {
  kill: (world) => endAndStart(world, 'SIGKILL'),
  restart: (world) => endAndStart(world, 'SIGTERM'),
  freeze,
  'lose Redis': loseRedis,
}

function act(all: World, kind: string): void {
  const { random, conversationIds, devices, insiders } = all
  const device = random.pick(random.chance(outsiderShare) ? devices.slice(insiders.length) : insiders)
  const conversationId = random.pick(conversationIds)
  if (!device || conversationId === undefined) return
  const done = actions[kind]?.act(all, { device, conversationId })
  if (done !== null) all.story.push(`${kind}: ${device.person.id} ${conversationIds.indexOf(conversationId)} ${done}`)
}

async function run(all: World): Promise<void> {
  let servers = Promise.resolve()
  for (const kind of planOf(all)) {
    const toServers = serverActions[kind]
    if (toServers) {
      all.story.push(kind)
      servers = servers.then(toServers(all))
      beside(all, kind, servers)
    } else act(all, kind)
    await sleep(all.random.below(longestPause))
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function fuzz(setting: Setting): () => Promise<void> {
  const choices = `SEED=${seed} ACTIONS=${length}`
  return async () => {
    say(choices)
    world = await createWorld(seed, setting)
    for (const { client } of world.insiders) beside(world, 'list', client.conversations.load({}))
    await run(world)
    const unsettled = await rest(world)
    const judged = unsettled.length > 0 ? [] : [...(await compareWithFresh(world)), ...(await judgeTruth(world))]
    const faults = [...world.surprises, ...unsettled, ...judged]
    if (faults.length > 0) say(`${choices}\n${world.story.join('\n')}`)
    expect(faults, choices).toEqual([])
    const carried = world.devices[2]?.network.carried()
    expect(carried, 'texts can be read in what the network carries').toContain(' mark')
    expect(carried, 'and numbers of changes').toMatch(eventInWire)
  }
}

describe(`G1 G2 G4 G6 G7 G9 G10 G12 N1 whatever ${length} actions, cuts, kills and stops: at rest every client stands where a fresh one does, and nobody received what was not his`, () => {
  test('one server', fuzz({ servers: 1, redis: false }))

  test('two servers, each connection at the next one', fuzz({ servers: 2, redis: false }))

  test.skipIf(!hasRedis())('two servers and a Redis that is lost now and then', fuzz({ servers: 2, redis: true }))
})
