import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '../../packages/protocol/src/limits.ts'
import { newKey } from '../../packages/testing/src/builders.ts'
import { openRawAs, type RawSocket } from '../../packages/testing/src/raw-socket.ts'
import { startTcpProxy } from '../../packages/testing/src/tcp-proxy.ts'
import type { Fault, Trial } from '../fault.ts'
import { megabytes, memoryDuring } from '../stage/memory.ts'
import { StandingReader } from '../workload/reader.ts'
import { Roamer } from '../workload/roamer.ts'
import { type Square, startSquare } from '../workload/square.ts'
import { percentile } from '../workload/workload.ts'

const othersSlower = 50
const costAtMost = 200 * 1024 * 1024
const closedWithin = 60_000
/** Milliseconds: as much as would be no trouble for those who read. */
const floodPace = 150
const sockets = 'parley_sockets'
const longText = '字'.repeat(limits.textLength)

/** Opens sockets that resume, and then read nothing any more. */
async function openStalled(square: Square, url: string, count: number): Promise<RawSocket[]> {
  const opened: RawSocket[] = []
  while (opened.length < count) {
    const next = Array.from({ length: Math.min(25, count - opened.length) }, async (_v, index) => {
      const socket = await openRawAs(url, square.members[(opened.length + index) % square.members.length]?.token ?? '')
      socket.command(1, 'resume', { epoch: null, cursors: {} })
      await socket.text((text) => text.startsWith('431'))
      socket.stopReading()
      return socket
    })
    opened.push(...(await Promise.all(next)))
  }
  return opened
}

async function flood({ speaker, conversationId }: Square, messages: number): Promise<void> {
  for (let index = 0; index < messages; index += 1) {
    await speaker.call('sendMessage', { conversationId, clientKey: newKey(), text: longText })
    await sleep(floodPace)
  }
}

type Span = readonly [from: number, to: number]

/** What others waited for deliveries before and during something, and the promise that it makes no difference. */
function compare({ workload, expect, note }: Trial, before: Span, during: Span): void {
  const [calm, meanwhile] = [before, during].map((span) => percentile(workload.delays(...span), 99)) as [number, number]
  expect(meanwhile < calm + othersSlower, `others' p99 went from ${Math.round(calm)} to ${Math.round(meanwhile)} ms`)
  note(`others' remote delivery p99 ${Math.round(calm)} ms before, ${Math.round(meanwhile)} ms meanwhile`)
}

async function neverRead(trial: Trial): Promise<void> {
  const { stage, short, wait, expect, note } = trial
  const count = short ? 50 : 1_000
  const square = await startSquare(stage, count / 10)
  const [first] = stage.nodes
  const socketsBefore = await stage.metric(sockets)
  const begun = performance.now()
  await wait(short ? 1 : 10)
  const calm: Span = [begun, performance.now()]
  let opened = 0
  let stalled: RawSocket[] = []
  const { taken } = await memoryDuring(stage, async () => {
    stalled = await openStalled(square, first?.url ?? '', count)
    opened = performance.now()
    await flood(square, short ? 10 : 200)
    const deadline = performance.now() + closedWithin
    while (!short && performance.now() < deadline && (await stage.metric(sockets)) > socketsBefore) await sleep(500)
  })
  const over = performance.now()
  const peak = Math.max(...taken) - (taken[0] ?? 0)
  await trial.workload.recovered()
  const left = (await stage.metric(sockets)) - socketsBefore
  expect(short || left <= 0, `${left} of ${count} were not closed`)
  expect(peak < costAtMost, `they cost ${megabytes(peak)} MB`)
  const behind = await stage.metric('parley_behind_total')
  note(`${count} sockets cost ${megabytes(peak)} MB; ${behind} were told to catch up, all closed`)
  if (!short) compare(trial, calm, [opened, over])
  for (const socket of stalled) socket.destroy()
}

/** A piece is at most 64 KiB, so this is about 1 KB a second. */
const perPiece = 16_000

async function trickle(trial: Trial): Promise<void> {
  const { stage, workload, short, wait, expect, note } = trial
  const [first] = stage.entrances
  const wire = await startTcpProxy(first?.url ?? '')
  const { roamer, places } = workload.cast.victim
  const slow = Roamer.create(roamer.who, [{ url: wire.url, config: first?.config ?? { jwt: {} } }], 0)
  const reader = new StandingReader(
    slow,
    places.slice(1).map(({ id }) => id),
  )
  await wait(short ? 1 : 10)
  const middle = performance.now()
  wire.delay(perPiece)
  await wait(short ? 3 : 40)
  const over = performance.now()
  wire.flow()
  await workload.recovered()
  const id = places[1]?.id ?? ''
  const aim = Math.max(...workload.readers.map((other) => (other.team ? other.position(id) : 0)))
  const deadline = performance.now() + 20_000
  while (reader.position(id) < aim && performance.now() < deadline) await sleep(50)
  expect(reader.position(id) >= aim, `the slow one stands at ${reader.position(id)} of ${aim}`)
  note(`the slow one opened ${reader.connections} sockets`)
  if (!short) compare(trial, [middle - 10_000, middle], [middle, over])
  await reader.stop()
  await wire.close()
}

const common = { promise: "G8; others' p99 unchanged within 50 ms", recoversWithin: 5_000 } as const

export const crowdFaults: readonly Fault[] = [
  {
    name: 'never-read',
    title: '1,000 sockets that never read',
    needs: { nodes: 2, redis: true },
    ...common,
    strike: neverRead,
  },
  {
    name: 'slow-reader',
    title: 'one client at about 1 KB/s',
    needs: { nodes: 2, redis: true },
    ...common,
    strike: trickle,
  },
]
