import { setTimeout as sleep } from 'node:timers/promises'
import type { Seeded } from '@parley/testing'
import { afterEach, expect, test } from 'vitest'
import { actions } from './fuzz/actions.ts'
import { compareWithFresh, rest } from './fuzz/rest.ts'
import { eventInWire, judgeTruth } from './fuzz/truth.ts'
import { beside, createWorld, type World } from './fuzz/world.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32))
const length = Number(process.env.ACTIONS ?? 400)
const longestPause = 80
const actionsPerKill = 200
const outsiderShare = 3

let world: World | undefined

afterEach(async () => {
  await world?.close()
  world = undefined
})

/** Every kind of action as often as its share says, at least once, in any order; the server is killed and restarted among them. */
function planOf(random: Seeded): string[] {
  const times = (kind: string, count: number) => Array.from({ length: Math.max(1, Math.round(count)) }, () => kind)
  return random.shuffled([
    ...Object.entries(actions).flatMap(([kind, { share }]) => times(kind, (share * length) / 100)),
    ...times('kill', length / actionsPerKill),
    ...times('restart', length / actionsPerKill / 2),
  ])
}

/** One end and start of the server after the other. */
function serverActions({ program, devices }: World): (signal: NodeJS.Signals) => Promise<void> {
  let last = Promise.resolve()
  return (signal) => {
    last = last.then(async () => {
      await program.end(signal)
      await program.start()
      for (const { client } of devices) client.reconnectNow()
    })
    return last
  }
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
  const again = serverActions(all)
  for (const kind of planOf(all.random)) {
    if (kind === 'kill') beside(all, kind, again('SIGKILL'))
    else if (kind === 'restart') beside(all, kind, again('SIGTERM'))
    else act(all, kind)
    if (!(kind in actions)) all.story.push(kind)
    await sleep(all.random.below(longestPause))
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

test(`G1 G2 G4 G6 G7 G9 G12 N1 whatever ${length} actions, cuts and kills: at rest every client stands where a fresh one does, and nobody received what was not his`, async () => {
  say(`SEED=${seed} ACTIONS=${length}`)
  world = await createWorld(seed)
  for (const { client } of world.insiders) beside(world, 'list', client.conversations.load({}))
  await run(world)
  const unsettled = await rest(world)
  const judged = unsettled.length > 0 ? [] : [...(await compareWithFresh(world)), ...(await judgeTruth(world))]
  const faults = [...world.surprises, ...unsettled, ...judged]
  if (faults.length > 0) say(`SEED=${seed} ACTIONS=${length}\n${world.story.join('\n')}`)
  expect(faults, `SEED=${seed} ACTIONS=${length}`).toEqual([])
  const carried = world.devices[2]?.network.carried()
  expect(carried, 'texts can be read in what the network carries').toContain(' mark')
  expect(carried, 'and numbers of changes').toMatch(eventInWire)
})
