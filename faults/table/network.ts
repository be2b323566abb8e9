import { setTimeout as sleep } from 'node:timers/promises'
import { newKey } from '../../packages/testing/src/builders.ts'
import { startTcpProxy, type TcpProxy, type Way } from '../../packages/testing/src/tcp-proxy.ts'
import type { Fault, Trial } from '../fault.ts'
import { LightClient } from '../workload/light-client.ts'
import { type Square, startSquare } from '../workload/square.ts'

const clientNotices = 35_000
const serverNotices = 45_000
/** What a busy machine may add. */
const slack = 1_500
const pollInterval = 100

async function timeUntil(isSo: () => boolean | Promise<boolean>, limit: number): Promise<number> {
  const begun = performance.now()
  while (!(await isSo()) && performance.now() - begun < limit) await sleep(pollInterval)
  return performance.now() - begun
}

async function socketsOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^parley_sockets (\S+)$/m.exec(text)?.[1])
}

/** The network between the first node and its clients lets nothing through any more, in some ways, for so long. */
function cut(seconds: number, secondsShort: number, ways: readonly Way[]): Fault['strike'] {
  return async (trial) => {
    const { stage, workload, wait, short, expect, note } = trial
    const [wire] = stage.wires.clients ?? []
    const [first] = stage.nodes
    await wait(1)
    const concerned = workload.readers.filter(({ roamer, connected }) => roamer.at === 0 && connected)
    const before = new Map(concerned.map((reader) => [reader, reader.connections]))
    const lost = () => concerned.every((reader) => !reader.connected || reader.connections !== before.get(reader))
    wire?.hold(...ways)
    const begun = performance.now()
    if (short) await wait(secondsShort)
    else {
      const [client, server] = await Promise.all([
        timeUntil(lost, clientNotices * 2),
        timeUntil(async () => (await socketsOf(first?.url ?? '')) === 0, serverNotices * 2),
      ])
      expect(client < clientNotices + slack, `clients noticed after ${Math.round(client)} ms`)
      expect(server < serverNotices + slack, `the server noticed after ${Math.round(server)} ms`)
      note(`noticed by clients within ${Math.round(client)} ms, by the server within ${Math.round(server)} ms`)
      await sleep(Math.max(0, seconds * 1_000 - (performance.now() - begun)))
    }
    wire?.flow()
  }
}

/** A crowd of sockets that follow a conversation, ten for each person. */
function openCrowd({ members, conversationId }: Square, count: number, urls: readonly string[], position: number) {
  return Array.from({ length: count }, (_v, index) => {
    const member = members[index % members.length]
    if (!member) throw new Error('Nobody is in the square')
    return new LightClient(member, urls[index % urls.length] ?? '', conversationId, position)
  })
}

/** Says something in the square from time to time, until told to stop. */
function keepSaying({ speaker, conversationId }: Square, every: number): () => Promise<void> {
  let over = false
  const saying = (async () => {
    while (!over) {
      await Promise.allSettled([
        speaker.call('sendMessage', { conversationId, clientKey: newKey(), text: 'hear, hear' }),
      ])
      await sleep(every)
    }
  })()
  return () => {
    over = true
    return saying
  }
}

/** Waits until everybody in a crowd stands at the head; answers how long that took, milliseconds. */
async function crowdLevel(square: Square, crowd: readonly LightClient[], limit: number): Promise<number> {
  const head = await square.head()
  return timeUntil(() => crowd.every(({ live, position }) => live && position >= head), limit)
}

/** Clients vanish without a word to the server, as phones in tunnels do, and come back by another way. */
async function vanish(trial: Trial): Promise<void> {
  const { stage, wait, short, expect, note } = trial
  const count = short ? 50 : 500
  const [first] = stage.nodes
  const square = await startSquare(stage, count / 10)
  const before = await socketsOf(first?.url ?? '')
  const wire: TcpProxy = await startTcpProxy(first?.url ?? '')
  const crowd = openCrowd(square, count, [wire.url], 1)
  const hush = keepSaying(square, 500)
  await timeUntil(() => crowd.every(({ live }) => live), 20_000)
  wire.abandon('client')
  const begun = performance.now()
  await wait(1)
  await timeUntil(() => crowd.every(({ live }) => live), 20_000)
  if (!short) {
    await timeUntil(async () => (await socketsOf(first?.url ?? '')) <= before + count, serverNotices * 2)
    const took = performance.now() - begun
    expect(took < serverNotices + slack, `the server noticed after ${Math.round(took)} ms`)
    note(`${count} vanished; the server had let go of all within ${Math.round(took)} ms`)
  }
  await wait(1)
  await hush()
  const level = await crowdLevel(square, crowd, 20_000)
  const faults = crowd.flatMap((client) => client.faults)
  expect(level < 20_000, `${crowd.filter(({ live }) => !live).length} did not come back`)
  expect(faults.length === 0, faults.slice(0, 3).join('; '))
  for (const client of crowd) client.stop()
  wire.flow()
  await wire.close()
}

const resumesWithin = 15_000
const cutNeeds = { nodes: 2, redis: true, wires: ['clients'] } as const
const noticed = {
  promise: 'noticed within 35 s by the client and 45 s by the server; resumes without loss or double',
  recoversWithin: resumesWithin,
} as const

/** A thousand clients lose their sockets at once and come back at once. */
async function returnAtOnce(trial: Trial): Promise<void> {
  const { stage, wait, short, recovered, expect, note } = trial
  const count = short ? 100 : 1_000
  const square = await startSquare(stage, count / 10)
  const wires = await Promise.all(stage.nodes.map(({ url }) => startTcpProxy(url)))
  const crowd = openCrowd(
    square,
    count,
    wires.map(({ url }) => url),
    1,
  )
  const hush = keepSaying(square, 500)
  await timeUntil(() => crowd.every(({ live }) => live), 60_000)
  for (let round = 0; round < (short ? 1 : 3); round += 1) {
    await wait(2)
    for (const wire of wires) wire.cut()
    await wait(0.1)
    const took = await crowdLevel(square, crowd, resumesWithin * 2)
    recovered(took, resumesWithin)
    note(`${count} clients resumed within ${Math.round(took)} ms`)
  }
  await hush()
  await crowdLevel(square, crowd, resumesWithin)
  const faults = crowd.flatMap((client) => client.faults)
  expect(faults.length === 0, faults.slice(0, 3).join('; '))
  for (const client of crowd) client.stop()
  await Promise.all(wires.map((wire) => wire.close()))
}

export const networkFaults: readonly Fault[] = [
  {
    name: 'clients-cut',
    title: 'clients cut both ways for 90 s',
    needs: cutNeeds,
    ...noticed,
    strike: cut(90, 4, ['up', 'down']),
  },
  {
    name: 'clients-deaf',
    title: 'nothing comes to clients any more',
    needs: cutNeeds,
    ...noticed,
    strike: cut(40, 4, ['down']),
  },
  {
    name: 'clients-mute',
    title: 'nothing comes from clients any more',
    needs: cutNeeds,
    ...noticed,
    strike: cut(40, 4, ['up']),
  },
  {
    name: 'clients-vanish',
    title: 'clients vanish half-open, 500 of them',
    needs: { nodes: 2, redis: true },
    ...noticed,
    strike: vanish,
  },
  {
    name: 'clients-return',
    title: '1,000 clients reconnect at once',
    promise: 'all resumed within 15 s while 50 messages/s go on; none lost',
    needs: { nodes: 2, redis: true },
    recoversWithin: resumesWithin,
    strike: returnAtOnce,
  },
]
