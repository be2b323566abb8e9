import type { DurableEvent, Participant } from '@parley/protocol'
import { ParleyError } from '@parley/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { settle } from './fake-clock.ts'
import { type Harness, harness, known, type Network } from './harness.ts'
import { conversationId, Model } from './model.ts'

const me = 'me'
const others = ['ann', 'ben', 'cleo']

const pick = fc.nat({ max: 1_000 })

/** One thing that happens, on the server, on the way, or at this client. */
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), who: pick, quote: fc.option(pick) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('flood' as const), who: pick, count: fc.constantFrom(250, 450, 1_100) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('edit' as const), which: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), which: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tell' as const), who: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rename' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('join' as const), who: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), who: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expel' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rejoin' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('readHere' as const), seq: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('readElsewhere' as const), seq: pick }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constant('deliver' as const), which: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('redeliver' as const), which: pick }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('arrive' as const), which: pick, fails: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('load' as const), place: pick, seq: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refresh' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('list' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
)

type Action = typeof action extends fc.Arbitrary<infer Value> ? Value : never

interface Run {
  readonly model: Model
  readonly client: Harness
  /** Answers on their way: read by the server, not yet here. */
  readonly underway: ((fails: boolean) => void)[]
  /** Events sent to this client's socket that have not come. */
  readonly events: DurableEvent[]
  sent: number
}

function start(): Run {
  const underway: Run['underway'] = []
  const network: Network = async (_name, answer) => {
    const arrival = Promise.withResolvers<boolean>()
    underway.push(arrival.resolve)
    const read = (async () => answer())()
    await Promise.allSettled([read, arrival.promise])
    if (await arrival.promise) throw new ParleyError('unavailable')
    return read
  }
  const model = new Model(me, [me, ...others])
  return { model, client: harness(model, network), underway, events: [], sent: 0 }
}

function at<Item>(items: readonly Item[], index: number): Item | undefined {
  return items[index % Math.max(1, items.length)]
}

function isIn(model: Model): boolean {
  return model.people.includes(me)
}

/** Puts what is new in the log on the way, as it is now. */
function emit(run: Run): void {
  for (; run.sent < run.model.head; run.sent += 1) run.events.push(run.model.event(run.sent + 1))
}

function change(run: Run, one: Action): void {
  const { model } = run
  const people = model.people
  switch (one.do) {
    case 'send': {
      const quoteId = one.quote === null ? null : (at(model.messageIds, one.quote) ?? null)
      model.send(at(people, one.who) ?? me, `text ${model.head}`, { quoteId })
      break
    }
    case 'flood':
      for (let i = 0; i < one.count; i += 1) model.send(at(people, one.who) ?? me, `flood ${i}`)
      break
    case 'edit':
    case 'remove': {
      const id = at(model.messageIds, one.which)
      if (id !== undefined) model[one.do](id, `edited ${model.head}`)
      break
    }
    case 'tell':
      model.tell(at(people, one.who) ?? me)
      break
    case 'expel':
    case 'rejoin':
      if (isIn(model)) model[one.do]()
      else model.join(me)
      break
    case 'rename':
      model.rename(`title ${model.head}`)
      break
    case 'join':
    case 'leave':
      model[one.do](at(others, one.who) ?? me)
  }
}

async function act(run: Run, one: Action): Promise<void> {
  const { model, client, underway, events } = run
  switch (one.do) {
    case 'readHere':
      client.reads.markRead(conversationId, one.seq % (model.head + 1))
      break
    case 'readElsewhere': {
      if (!isIn(model)) break
      const seq = model.read(one.seq % (model.head + 1))
      client.reads.moved({ conversationId, userId: me, seq }, 'readSeq')
      break
    }
    case 'deliver': {
      const [event] = events.splice(one.which % Math.max(1, events.length), 1)
      if (event && one.which % 7 !== 0) client.sync.receive(structuredClone(event))
      break
    }
    case 'redeliver':
      if (model.head > 0) client.sync.receive(model.event((one.which % model.head) + 1))
      break
    case 'arrive':
      underway.splice(one.which % Math.max(1, underway.length), 1)[0]?.(one.fails)
      break
    case 'load':
      void load(client, one.place, one.seq % (model.head + 1)).catch(() => {})
      break
    case 'refresh':
      client.sync.loadLater(conversationId)
      break
    case 'list': {
      if (!isIn(model)) break
      const snapshot = structuredClone(model.snapshot())
      underway.push((fails) => fails || client.sync.accept(snapshot))
      break
    }
    case 'wait':
      await client.clock.advance(2_500)
      break
    default:
      change(run, one)
  }
  await settle()
}

function load({ messages, participants }: Harness, place: number, seq: number): Promise<void> {
  const ways = [messages.loadLatest, messages.loadBefore, messages.loadAfter, messages.open].map((way) =>
    way.bind(messages),
  )
  const way = [...ways, participants.load.bind(participants)][place % 6]
  return way ? way(conversationId) : messages.loadAround(conversationId, seq)
}

/** Lets everything on its way arrive, and time go by, until nothing moves. */
async function calm(run: Run): Promise<void> {
  for (let rounds = 0; rounds < 2_000; rounds += 1) {
    await settle()
    const answer = run.underway.shift()
    if (answer) answer(false)
    else if (run.client.clock.next() !== null) await run.client.clock.advance(run.client.clock.next() ?? 0)
    else return
  }
  throw new Error('it never comes to rest')
}

function withoutDelivery(people: readonly Participant[] = []) {
  return people.map(({ deliveredSeq: _, ...rest }) => rest)
}

function judge({ model, client }: Run): void {
  const own = known(client)
  if (!isIn(model)) return void expect(own).toBeUndefined()
  const fresh = model.snapshot()
  expect({ ...own, participants: withoutDelivery(own?.participants) }).toEqual({
    ...fresh,
    participants: withoutDelivery(fresh.participants),
  })
  const people = client.store.getState().participants[conversationId]
  if (people?.status === 'ready') expect(withoutDelivery(people.items)).toEqual(withoutDelivery(fresh.participants))
  const timeline = client.store.getState().timelines[conversationId]
  expect(['ready', 'error']).toContain(timeline?.status)
  if (timeline?.status !== 'ready') return
  const all = model.messageIds.map((id) => model.message(id))
  const [first, last] = [timeline.items[0]?.seq ?? 0, timeline.items.at(-1)?.seq ?? 0]
  const inside = timeline.items.length === 0 ? [] : all.filter(({ seq }) => seq >= first && seq <= last)
  expect(timeline.items).toEqual(inside)
  expect(timeline.hasAfter).toBe(all.some(({ seq }) => seq > last))
  expect(timeline.hasBefore).toBe(all.some(({ seq }) => seq < first))
}

test('CL-5 whatever the order, loss and repetition, what is here equals what is loaded afresh', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 80 }), async (actions) => {
      const run = start()
      run.client.sync.loadLater(conversationId)
      void run.client.messages.open(conversationId).catch(() => {})
      for (const one of actions) {
        await act(run, one)
        emit(run)
      }
      await calm(run)
      if (run.client.sync.have(conversationId) === undefined) return
      run.client.sync.fetchLater(conversationId, run.model.head)
      if (isIn(run.model)) run.client.reads.moved({ conversationId, userId: me, seq: run.model.read(0) }, 'readSeq')
      await calm(run)
      judge(run)
    }),
    {
      numRuns: 400,
      seed: Number(process.env.SEED ?? 20261121),
      ...(process.env.PATH_SEED ? { path: process.env.PATH_SEED } : {}),
    },
  )
}, 120_000)
