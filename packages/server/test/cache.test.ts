import { setTimeout as sleep } from 'node:timers/promises'
import { limits, type OperationOutput } from '@parley/protocol'
import { type ParleyServer, startServer } from '@parley/server'
import {
  createRedis,
  hasRedis,
  newMark,
  note,
  type People,
  type Person,
  people,
  person,
  say,
  signToken,
  startConversation,
  startTestServer,
  type TestRedis,
  type TestServer,
} from '@parley/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openCache } from '../src/cache.ts'

type Page = OperationOutput<'listMessages'>

let server: TestServer
let all: People

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
})

afterAll(() => server.close())

const refused = (code: string) => expect.objectContaining({ name: 'ParleyError', code })

function pageCounts({ services }: ParleyServer = server.running) {
  return services.cache.counts()
}

/** A page of another size is never kept: it tells what is so. */
function uncached(viewer: Person, conversationId: string): Promise<Page> {
  return viewer.call('listMessages', { conversationId, limit: limits.pageDefault + 1 })
}

function newest(viewer: Person, conversationId: string): Promise<Page> {
  return viewer.call('listMessages', { conversationId })
}

/** People in no order: the cache may answer them in another one. */
function sorted(page: Page): Page {
  return { ...page, users: [...page.users].sort((a, b) => a.id.localeCompare(b.id)) }
}

/** What viewers get, twice, is what is so; the second time it comes out of the cache. */
async function checkFresh(viewers: readonly Person[], conversationId: string): Promise<void> {
  for (const viewer of viewers) {
    const truth = sorted(await uncached(viewer, conversationId))
    expect(sorted(await newest(viewer, conversationId)), viewer.id).toEqual(truth)
    const { here } = pageCounts()
    expect(sorted(await newest(viewer, conversationId)), viewer.id).toEqual(truth)
    expect(pageCounts().here, `${viewer.id} is served from the cache`).toBe(here + 1)
  }
}

/** The same person as another node knows him. */
async function at(node: ParleyServer, who: Person): Promise<Person> {
  return person({ url: node.url, config: server.config }, who)
}

function startNode(redisUrl?: string): Promise<ParleyServer> {
  const { connection } = server.database
  const config = { ...server.config, port: 0, ...(redisUrl === undefined ? {} : { redisUrl }) }
  return startServer(config, { connection, log: pino({ level: 'silent' }) })
}

test('CACHE-1 the newest page is right after every change, and comes from the cache until the next one', async () => {
  const { alice, bob, carol } = all
  const { conversation } = await startConversation(alice, [bob, carol])
  const conversationId = conversation.id
  const viewers = [alice, bob, carol]
  await checkFresh(viewers, conversationId)
  const first = await say(alice, conversationId, 'first')
  const hidden = await note(bob, conversationId, 'hidden')
  await checkFresh(viewers, conversationId)
  const cited = await say(carol, conversationId, 'about the first', { replyTo: first.id })
  await checkFresh(viewers, conversationId)
  const changes = [
    () => alice.call('editMessage', { messageId: first.id, text: 'first, better' }),
    () => bob.call('editMessage', { messageId: hidden.id, text: 'hidden, better' }),
    () => alice.call('deleteMessage', { messageId: first.id }),
    () => carol.call('deleteMessage', { messageId: cited.id }),
    () => bob.call('deleteMessage', { messageId: hidden.id }),
    () => alice.call('updateConversation', { conversationId, subject: 'Another one' }),
    () => alice.call('addParticipant', { conversationId, userId: 'eve', history: 'none' }),
    () => say(all.eve, conversationId, 'from now on'),
  ]
  for (const change of changes) {
    await change()
    await checkFresh(viewers, conversationId)
  }
  await checkFresh([all.eve], conversationId)
  const { items } = await newest(all.eve, conversationId)
  expect(items.map(({ text }) => text)).toEqual(['', 'from now on'])
})

test('CACHE-2 a note is in no page of the other side, a tombstone is, and a note leaves the other page in the cache', async () => {
  const { alice, bob, carol } = all
  const mark = newMark()
  const { conversation } = await startConversation(alice, [bob, carol])
  const deleted = await say(alice, conversation.id, `${mark} deleted`)
  await newest(bob, conversation.id)
  await newest(carol, conversation.id)
  await alice.call('deleteMessage', { messageId: deleted.id })
  const page = await newest(carol, conversation.id)
  expect(page.items).toEqual([expect.objectContaining({ id: deleted.id, text: '', deletedBy: 'alice' })])
  await note(bob, conversation.id, `${mark} note`)
  expect(JSON.stringify(await newest(bob, conversation.id))).toContain(mark)
  const { here } = pageCounts()
  expect(JSON.stringify(await newest(carol, conversation.id))).toBe(JSON.stringify(page))
  expect(JSON.stringify(page)).not.toContain(mark)
  expect(pageCounts().here).toBe(here + 1)
})

test('CACHE-3 a page that is kept is refused to who was removed, and to who was never in', async () => {
  const { alice, bob, carol, eve, mallory, root } = all
  const { conversation } = await startConversation(alice, [bob, carol])
  await say(alice, conversation.id, 'before')
  await checkFresh([alice, bob, carol], conversation.id)
  for (const removed of [bob, carol]) {
    await alice.call('removeParticipant', { conversationId: conversation.id, userId: removed.id })
    await newest(alice, conversation.id)
    await expect(newest(removed, conversation.id)).rejects.toEqual(refused('not_found'))
  }
  for (const stranger of [eve, mallory, root]) {
    await expect(newest(stranger, conversation.id)).rejects.toEqual(refused('not_found'))
  }
  await alice.call('addParticipant', { conversationId: conversation.id, userId: 'carol', history: 'none' })
  const { items } = await newest(carol, conversation.id)
  expect(items.map(({ text }) => text)).not.toContain('before')
  await checkFresh([alice, carol], conversation.id)
})

/** Lets a host's newer token say something else of somebody. */
async function become(node: Pick<ParleyServer, 'url'>, who: Person, more: object): Promise<void> {
  await sleep(1_000)
  const token = await signToken(server, { ...who, ...more })
  const answer = await fetch(`${node.url}/api/me`, { headers: { authorization: `Bearer ${token}` } })
  expect(answer.status).toBe(200)
}

test('CACHE-4 another profile is seen at once, in pages and lists, on every node, with nobody telling', async () => {
  const { alice } = all
  const node = await startNode()
  const dora = await person(server, { id: 'dora', role: 'external', workspace: 'w1' })
  const { conversation } = await startConversation(alice, [dora])
  await say(dora, conversation.id, 'hello')
  const viewers = [alice, await at(node, alice)]
  const seen = async (viewer: Person) => {
    const pages = await Promise.all([
      newest(viewer, conversation.id),
      viewer.call('getConversation', { conversationId: conversation.id }),
      viewer.call('listConversations', {}),
    ])
    return pages.map(({ users }) => users.find(({ id }) => id === 'dora')?.organization?.name)
  }
  for (const viewer of viewers) expect(await seen(viewer)).toEqual([undefined, undefined, undefined])
  for (const name of ['Initech', 'Initrode']) {
    await become(server.running, dora, { organization: { id: 'initech', name, kind: 'client' } })
    for (const viewer of viewers) expect(await seen(viewer)).toEqual([name, name, name])
  }
  await node.close()
})

test('CACHE-5 on two nodes that do not hear each other no page is stale', async () => {
  const { alice, carol } = all
  const node = await startNode()
  const elsewhere = [await at(node, alice), await at(node, carol)]
  const { conversation } = await startConversation(alice, [carol])
  for (let round = 0; round < 10; round += 1) {
    const { id: messageId } = await say(alice, conversation.id, `${round}`)
    for (const viewer of elsewhere) expect((await newest(viewer, conversation.id)).items.at(-1)?.text).toBe(`${round}`)
    await alice.call('editMessage', { messageId, text: `${round} better` })
    for (const viewer of elsewhere) {
      expect((await newest(viewer, conversation.id)).items.at(-1)?.text).toBe(`${round} better`)
    }
  }
  await node.close()
})

test('CACHE-6 the same names in two workspaces never mix, on one connection', async () => {
  const others = await people(server, 'w2')
  const scenes = await Promise.all(
    [all, others].map(async ({ alice, carol }) => {
      const { conversation } = await startConversation(alice, [carol])
      const mark = newMark()
      await say(alice, conversation.id, mark)
      return { alice, conversationId: conversation.id, mark }
    }),
  )
  for (let request = 0; request < 100; request += 1) {
    const { alice, conversationId, mark } = scenes[request % 2] as (typeof scenes)[number]
    expect((await newest(alice, conversationId)).items.at(-1)?.text).toBe(mark)
    const elsewhere = scenes[(request + 1) % 2]?.conversationId ?? ''
    await expect(newest(alice, elsewhere)).rejects.toEqual(refused('not_found'))
  }
})

function page(seq: number): Page {
  return { items: [], hasBefore: false, hasAfter: false, seq, users: [] }
}

const settings = { secret: 'a secret that nobody knows but us', cache: { entries: 2, seconds: 10 } }

test('CACHE-7 an entry goes with its time, with others that are used more, and with another version; nothing is kept at 0', async () => {
  let now = 1_000
  const cache = openCache({ config: settings, epoch: 'e', clock: () => now })
  const kept = async (version: string) => {
    const pages = await Promise.all(['a', 'b', 'c'].map((key) => cache.take(key, version)))
    return pages.map((found) => found?.seq ?? null)
  }
  for (const [index, key] of ['a', 'b', 'c'].entries()) cache.put(key, '1', page(index))
  expect(await kept('1')).toEqual([null, 1, 2])
  expect(await kept('2')).toEqual([null, null, null])
  cache.put('b', '2', page(9))
  expect([await kept('1'), await kept('2')]).toEqual([
    [null, null, 2],
    [null, 9, null],
  ])
  expect(cache.counts()).toEqual({ entries: 2, here: 4, shared: 0, misses: 8 })
  now += 11_000
  await sleep(5)
  expect(await kept('2')).toEqual([null, null, null])
  for (const nothing of [
    { entries: 0, seconds: 10 },
    { entries: 2, seconds: 0 },
  ]) {
    const none = openCache({ config: { ...settings, cache: nothing }, epoch: 'e', clock: () => now })
    none.put('a', '1', page(1))
    expect(await none.take('a', '1')).toBeUndefined()
  }
})

test('CACHE-8 a server that starts has the pages of the busiest conversations, one for each side', async () => {
  const { alice, carol } = all
  const { conversation } = await startConversation(alice, [carol])
  for (let number = 0; number < 30; number += 1) await say(alice, conversation.id, `${number}`)
  await note(alice, conversation.id, newMark())
  const node = await startNode()
  const [team, other] = [await at(node, alice), await at(node, carol)]
  let entries = -1
  while (entries !== pageCounts(node).entries) {
    entries = pageCounts(node).entries
    await sleep(200)
  }
  expect(entries).toBeGreaterThan(1)
  const { here } = pageCounts(node)
  expect(sorted(await newest(team, conversation.id))).toEqual(sorted(await uncached(alice, conversation.id)))
  expect(sorted(await newest(other, conversation.id))).toEqual(sorted(await uncached(carol, conversation.id)))
  expect(pageCounts(node).here).toBe(here + 2)
  await node.close()
})

test('SEC-53 an outsider who was of the team does not keep a server that starts from having other pages', async () => {
  const { alice } = all
  const yan = await person(server, { id: 'yan', role: 'member', workspace: 'w1' })
  const { conversation: inner } = await startConversation(alice, [yan], { kind: 'internal' })
  const { conversation: outer } = await startConversation(alice, [])
  for (let number = 0; number < 60; number += 1) await say(alice, inner.id, `${number}`)
  for (let number = 0; number < 50; number += 1) await say(alice, outer.id, `${number}`)
  await server.database.query(`update users set role = 'external' where id = 'yan'`)
  const node = await startNode()
  await vi.waitFor(() => expect(pageCounts(node).entries).toBeGreaterThan(1), { timeout: 10_000 })
  await node.close()
})

test('CACHE-9 statistics count what the workspace has, and metrics tell how the cache serves', async () => {
  const workspace = 'w-stats'
  const { alice, bob, root } = await people(server, workspace)
  const socket = await alice.online()
  const { conversation } = await startConversation(alice, [bob])
  await say(alice, conversation.id, 'one')
  const gone = await say(alice, conversation.id, 'two')
  await alice.call('deleteMessage', { messageId: gone.id })
  await alice.call('removeParticipant', { conversationId: conversation.id, userId: 'bob' })
  const { stats } = await root.call('getStats', {})
  expect(stats).toMatchObject({ users: 6, conversations: 1, messages: 1, sockets: 1 })
  await newest(alice, conversation.id)
  await newest(alice, conversation.id)
  const { cache } = (await root.call('getStats', {})).stats
  expect(cache.hits).toBeGreaterThan(stats.cache.hits)
  expect(cache.misses).toBeGreaterThan(stats.cache.misses)
  expect(cache.hitRate).toBeCloseTo(cache.hits / (cache.hits + cache.misses))
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  expect(metrics).toMatch(/^parley_cache_reads_total\{found="memory"\} [1-9]/m)
  expect(metrics).toMatch(/^parley_cache_reads_total\{found="nowhere"\} [1-9]/m)
  expect(metrics).toMatch(/^parley_cache_hit_rate 0\.\d/m)
  expect(metrics).toMatch(/^parley_cache_entries [1-9]/m)
  socket.close()
})

describe.skipIf(!hasRedis())('with Redis', () => {
  let redis: TestRedis
  let nodes: ParleyServer[]

  beforeAll(async () => {
    redis = await createRedis()
    await redis.start()
    nodes = await Promise.all([startNode(redis.url), startNode(redis.url)])
    await sleep(300)
  })

  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.close()))
    await redis.kill()
  })

  /** Somebody as the first node knows him, and as the second. */
  function both(who: Person): Promise<Person[]> {
    return Promise.all(nodes.map((node) => at(node, who)))
  }

  async function untilShared(): Promise<void> {
    await sleep(100)
  }

  test('CACHE-10 what one node has read the other one finds, and both see every change', async () => {
    const [alice, there] = (await both(all.alice)) as [Person, Person]
    const [carol, carolThere] = (await both(all.carol)) as [Person, Person]
    const { conversation } = await startConversation(alice, [carol])
    for (let round = 0; round < 5; round += 1) {
      const message = await say(alice, conversation.id, newMark())
      for (const [first, second] of [
        [alice, there],
        [carol, carolThere],
      ] as const) {
        const known = await newest(first, conversation.id)
        await untilShared()
        const { shared } = pageCounts(nodes[1])
        expect(await newest(second, conversation.id)).toEqual(known)
        expect(pageCounts(nodes[1]).shared).toBe(shared + 1)
      }
      await there.call('deleteMessage', { messageId: message.id })
      for (const viewer of [alice, there, carol, carolThere]) {
        expect((await newest(viewer, conversation.id)).items.at(-1)?.text).toBe('')
      }
    }
  })

  test('CACHE-11 who reads Redis reads no message, and what he writes there is not believed', async () => {
    const [alice, there] = (await both(all.alice)) as [Person, Person]
    const mark = newMark()
    const [first, second] = await Promise.all([1, 2].map(() => startConversation(alice, [all.carol])))
    for (const each of [first, second]) await say(alice, each?.conversation.id ?? '', mark)
    const [firstId, secondId] = [first?.conversation.id ?? '', second?.conversation.id ?? '']
    const known = await newest(alice, firstId)
    await newest(alice, secondId)
    await untilShared()
    const script = (body: string, id: string, more = '') =>
      `EVAL "local found = redis.call('KEYS', '*${id}*') ${body}" 0 ${more}`
    expect(await redis.command(script('return #found', firstId))).toBe(':1')
    expect(
      await redis.command(script(`return string.find(redis.call('GET', found[1]), '${mark}') or 'none'`, firstId)),
    ).toBe('$4')
    const other = `redis.call('SET', found[1], redis.call('GET', redis.call('KEYS', '*${secondId}*')[1]))`
    for (const forgery of [other, `redis.call('SET', found[1], '{}')`]) {
      const { shared } = pageCounts(nodes[1])
      await redis.command(script(forgery, firstId))
      expect(await newest(there, firstId)).toEqual(known)
      expect(pageCounts(nodes[1]).shared).toBe(shared)
      await say(alice, firstId, mark)
      Object.assign(known, await newest(alice, firstId))
      await untilShared()
    }
  })

  test('CACHE-12 Redis hung, killed or flushed costs a reader 50 ms once, and never an error', async () => {
    const [alice] = (await both(all.alice)) as [Person, Person]
    const { conversation } = await startConversation(alice, [all.carol])
    const change = async () => void (await say(alice, conversation.id, newMark()))
    const timed = async () => {
      await change()
      const begun = performance.now()
      const { items } = await newest(alice, conversation.id)
      const taken = performance.now() - begun
      expect(items).toHaveLength((await uncached(alice, conversation.id)).items.length)
      return taken
    }
    const usual = Math.max(...[await timed(), await timed(), await timed()])
    redis.hang()
    expect(await timed()).toBeLessThan(usual + 50 + 200)
    const rest = [await timed(), await timed(), await timed(), await timed()].sort((a, b) => a - b)
    expect(rest[1]).toBeLessThan(usual + 50)
    redis.goOn()
    await redis.command('FLUSHALL')
    await timed()
    await redis.kill()
    await timed()
    await redis.start()
    await timed()
  })
})
