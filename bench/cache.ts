import { startDatabase } from './machine/database.ts'
import { awaitQuiet, machineLine } from './machine/processes.ts'
import { type Caller, type ParleyProcess, startParleyWith } from './servers/parley.ts'

/**
 * What the cache is worth: the same reads from two servers on one database, one with the cache and one without, in turns.
 * `node bench/cache.ts` prints a table.
 */
const conversations = 50
const messagesEach = 60
const others = 100
const runs = 5
const requests = 200
const parallel = 16

type Read = (caller: Caller, number: number) => Promise<unknown>

interface Result {
  /** The median delay of a request that is alone, ms. */
  readonly alone: number
  /** Requests a second of many at once. */
  readonly together: number
}

const text = 'A message of the length that people write to each other about an order, a date or a price. '.repeat(2)

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

async function fill(server: ParleyProcess): Promise<string[]> {
  const people = await Promise.all(Array.from({ length: others + 1 }, (_, index) => server.person(`u${index}`)))
  const ids: string[] = []
  for (let index = 0; index < conversations; index++) {
    const members = [1, 7, 13, 29].map((step) => 1 + ((index * step + step) % others))
    const participants = members.map((member) => `u${member}`)
    const made = await people[0]?.<{ conversation: { conversation: { id: string } } }>('/conversations', {
      kind: 'internal',
      participants,
      subject: `Conversation ${index}`,
    })
    const id = made?.conversation.conversation.id ?? ''
    ids.push(id)
    const writers = [0, ...members]
    await Promise.all(
      Array.from({ length: messagesEach }, (_, number) =>
        people[writers[number % writers.length] ?? 0]?.(`/conversations/${id}/messages`, {
          clientKey: `message-${index}-${number}`,
          text: `${number} ${text}`,
        }),
      ),
    )
  }
  return ids
}

async function inTurn(caller: Caller, read: Read): Promise<number> {
  const delays: number[] = []
  for (let number = 0; number < requests; number++) {
    const begun = performance.now()
    await read(caller, number)
    delays.push(performance.now() - begun)
  }
  return median(delays)
}

async function atOnce(caller: Caller, read: Read): Promise<number> {
  const numbers = Array.from({ length: requests * 2 }, (_, number) => number).values()
  const one = async () => {
    for (const number of numbers) await read(caller, number)
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: parallel }, one))
  return (requests * 2 * 1000) / (performance.now() - begun)
}

async function measure(caller: Caller, read: Read): Promise<Result> {
  await awaitQuiet(1_000)
  return { alone: await inTurn(caller, read), together: await atOnce(caller, read) }
}

function row(title: string, name: string, results: readonly Result[], plain: readonly Result[]): string {
  const [alone, together] = [median(results.map((each) => each.alone)), median(results.map((each) => each.together))]
  const faster = median(plain.map((each) => each.alone)) / alone
  const more = together / median(plain.map((each) => each.together))
  const cells = [title, name, alone.toFixed(2), faster.toFixed(2), together.toFixed(0), more.toFixed(2)]
  return `| ${cells.join(' | ')} |`
}

/** Settings of the servers that are compared; the first one keeps nothing. */
function settings(redis: string | undefined): Record<string, NodeJS.ProcessEnv> {
  return {
    'no cache': { PARLEY_CACHE_ENTRIES: '0' },
    'in memory': {},
    ...(redis === undefined ? {} : { 'in Redis alone': { REDIS_URL: redis, PARLEY_CACHE_ENTRIES: '1' } }),
  }
}

async function compare(callers: ReadonlyMap<string, Caller>, title: string, read: Read): Promise<void> {
  const results = new Map([...callers.keys()].map((name) => [name, [] as Result[]]))
  for (const caller of callers.values())
    for (let number = 0; number < conversations; number++) await read(caller, number)
  for (let run = 0; run < runs; run++) {
    for (const [name, caller] of callers) results.get(name)?.push(await measure(caller, read))
  }
  for (const [name, each] of results) console.log(row(title, name, each, results.get('no cache') ?? []))
}

const database = await startDatabase()
const servers: ParleyProcess[] = []
let ids: readonly string[] = []
try {
  const url = database.create('parley')
  const callers = new Map<string, Caller>()
  for (const [name, env] of Object.entries(settings(process.env.REDIS_URL))) {
    const server = await startParleyWith({ DATABASE_URL: url, ...env })
    servers.push(server)
    if (servers.length === 1) ids = await fill(server)
    callers.set(name, await server.person('u0'))
  }
  console.log(`${machineLine()}\n`)
  console.log('| read | cache | alone ms | times as fast | at once per s | times as many |')
  console.log('| --- | --- | --- | --- | --- | --- |')
  await compare(callers, 'newest page', (caller, number) =>
    caller(`/conversations/${ids[number % ids.length]}/messages`),
  )
  await compare(callers, 'first screen', (caller) => caller('/conversations'))
} finally {
  await Promise.all(servers.map((server) => server.stop()))
  database.stop()
}
