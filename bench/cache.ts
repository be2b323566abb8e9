import { createRedis } from '../packages/testing/src/redis.ts'
import { startDatabase } from './machine/database.ts'
import { awaitQuiet, machineLine, watchUsage } from './machine/processes.ts'
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
  /** Processor time of a request, ms. */
  readonly server: number
  readonly database: number
}

/** A server that is compared, and how to ask it. */
interface Subject {
  readonly pid: number
  readonly caller: Caller
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
  return (performance.now() - begun) / 1000
}

async function measure({ pid, caller }: Subject, databasePid: number, read: Read): Promise<Result> {
  await awaitQuiet(1_000)
  const alone = await inTurn(caller, read)
  const usage = watchUsage({ server: pid, database: databasePid, load: [] })
  const seconds = await atOnce(caller, read)
  const { server, database } = usage()
  const each = (percent: number) => (percent * 10 * seconds) / (requests * 2)
  return { alone, together: (requests * 2) / seconds, server: each(server), database: each(database) }
}

const columns = ['alone', 'together', 'server', 'database'] as const

/** Medians of each column, with how many times they are those of the server that keeps nothing. */
function row(name: string, results: readonly Result[], plain: readonly Result[]): string {
  const cells = columns.map((column) => {
    const [own, other] = [results, plain].map((each) => median(each.map((result) => result[column])))
    return `${own?.toFixed(2)} (${((own ?? 0) / (other ?? 1)).toFixed(2)} x)`
  })
  return `| ${[name, ...cells].join(' | ')} |`
}

/** Settings of the servers that are compared; with one entry in memory every other page comes from Redis. */
function settings(redisUrl: string): Record<string, NodeJS.ProcessEnv> {
  return {
    none: { PARLEY_CACHE_ENTRIES: '0' },
    'in memory': {},
    'in Redis': { REDIS_URL: redisUrl, PARLEY_CACHE_ENTRIES: '1' },
  }
}

async function compare(subjects: ReadonlyMap<string, Subject>, databasePid: number, read: Read): Promise<void> {
  const results = new Map([...subjects.keys()].map((name) => [name, [] as Result[]]))
  for (const { caller } of subjects.values()) {
    for (let number = 0; number < conversations; number++) await read(caller, number)
  }
  for (let run = 0; run < runs; run++) {
    for (const [name, subject] of subjects) results.get(name)?.push(await measure(subject, databasePid, read))
  }
  console.log(`Newest page of one of ${conversations} conversations, medians of ${runs}, ${machineLine()}\n`)
  console.log('| cache | alone ms | at once per s | server CPU ms | database CPU ms |')
  console.log('| --- | --- | --- | --- | --- |')
  for (const [name, each] of results) console.log(row(name, each, results.get('none') ?? []))
}

const database = await startDatabase()
const redis = await createRedis()
await redis.start()
const servers: ParleyProcess[] = []
let ids: readonly string[] = []
try {
  const url = database.create('parley')
  const subjects = new Map<string, Subject>()
  for (const [name, env] of Object.entries(settings(redis.url))) {
    const server = await startParleyWith({ DATABASE_URL: url, ...env })
    servers.push(server)
    if (servers.length === 1) ids = await fill(server)
    subjects.set(name, { pid: server.pid, caller: await server.person('u0') })
  }
  await compare(subjects, database.pid, (caller, number) =>
    caller(`/conversations/${ids[number % ids.length]}/messages`),
  )
} finally {
  await Promise.all(servers.map((server) => server.stop()))
  await redis.kill()
  database.stop()
}
