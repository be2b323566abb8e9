import { setTimeout as sleep } from 'node:timers/promises'
import { deflateRawSync } from 'node:zlib'
import { commands, limits } from '@parley/protocol'
import {
  newMark,
  openRawAs,
  openRawSocket,
  openSocket,
  type People,
  type Person,
  people,
  person,
  type RawFrame,
  type RawSocket,
  type Seeded,
  say,
  seeded,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestText, tell } from './attacks-wire.ts'

const publicUrl = 'https://app.example.com'
const password = 'correct-horse-battery'
const seed = Number(process.env.SEED ?? 20_260_101)

let server: TestServer
let all: People
let cookie: string
/** Alice's and Bob's; nobody else's. */
let conversationId: string
const mark = newMark()

beforeAll(async () => {
  server = await startTestServer({ publicUrl, allowedOrigins: ['https://host.example.com'] })
  all = await people(server)
  const { identity } = server.running
  await identity.createUser({
    workspace: 'w1',
    id: 'olga',
    name: 'Olga',
    email: 'o@example.com',
    role: 'member',
    password,
  })
  const signedIn = await identity.signIn({ workspace: 'w1', email: 'o@example.com', password }, '127.0.0.1')
  cookie = `__Host-parley=${signedIn.cookieValue}`
  conversationId = (await startConversation(all.alice, [all.bob], { subject: mark })).conversation.id
  await say(all.alice, conversationId, mark)
})

afterAll(() => server.close())

const upgradeLines = [
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
]

/** The status an upgrade is answered with. */
async function upgrade(...headers: readonly string[]): Promise<{ status: number | undefined; text: string }> {
  const path = '/socket.io/?EIO=4&transport=websocket'
  const { statuses, text } = await tell(server.url, requestText('GET', path, [...upgradeLines, ...headers]), 250)
  return { status: statuses[0], text }
}

/** The server answers others as ever, over HTTP and socket. */
async function expectWell(): Promise<void> {
  const socket = await all.root.online()
  expect(await socket.command('set-presence', { state: 'online' })).toEqual({})
  socket.close()
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
}

/** A socket of the platform, which answers the server's close as browsers do. */
interface WebSocketLog {
  readonly texts: readonly string[]
  readonly ended: boolean
  /** Once it is closed. */
  readonly closeCode: number | undefined
  send(...texts: readonly string[]): void
  /** Waits until it is closed; answers after how many ms. */
  closed(limit: number): Promise<number>
}

async function openWeb(url = server.url): Promise<WebSocketLog> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
  const texts: string[] = []
  const started = performance.now()
  let closeCode: number | undefined
  const end = new Promise<number>((resolve) => {
    socket.addEventListener('close', ({ code }) => {
      closeCode = code
      resolve(performance.now() - started)
    })
  })
  socket.addEventListener('message', ({ data }) => void texts.push(String(data)))
  await new Promise((resolve) => socket.addEventListener('open', resolve))
  return {
    texts,
    get ended() {
      return socket.readyState !== WebSocket.OPEN
    },
    get closeCode() {
      return closeCode
    },
    send: (...all) => {
      for (const text of all) if (socket.readyState === WebSocket.OPEN) socket.send(text)
    },
    closed: (limit) =>
      Promise.race([
        end,
        sleep(limit, undefined, { ref: false }).then(() => Promise.reject(new Error('It stays open'))),
      ]),
  }
}

function connectAs({ token }: Pick<Person, 'token'>): string {
  return `40${JSON.stringify({ token })}`
}

function destroyAll(sockets: readonly { destroy(): void }[]): void {
  for (const socket of sockets) socket.destroy()
}

describe('opening', () => {
  test.each([
    'https://evil.example',
    'null',
    `${publicUrl}.evil.example`,
    'https://evilapp.example.com',
    'https://app.example.com:8443',
    'http://app.example.com',
    'https://app.example.com/',
    'https://APP.example.com',
    'file://',
    '',
  ])('SEC-65 a page of %j opens no socket, with a session or without', async (origin) => {
    for (const headers of [[`cookie: ${cookie}`], []]) {
      const { status, text } = await upgrade(`origin: ${origin}`, 'host: app.example.com', ...headers)
      expect([400, 403]).toContain(status)
      expect(text).not.toContain('"sid"')
    }
  })

  test('SEC-65 a session needs the page’s own origin; without any origin, a cookie is not taken', async () => {
    expect((await upgrade(`cookie: ${cookie}`)).status).toBeGreaterThanOrEqual(400)
    expect((await upgrade(`cookie: ${cookie}`, `origin: ${publicUrl}`)).status).toBe(101)
    expect((await upgrade('origin: https://host.example.com')).status).toBe(101)
    expect((await upgrade()).status).toBe(101)
  })

  test('SEC-65 SEC-60 the cookie does not count for a page of a listed origin', async () => {
    const headers = { origin: 'https://host.example.com', cookie }
    await expect(openSocket(server.url, {}, headers)).rejects.toMatchObject({ code: 'unauthenticated' })
    const own = await openSocket(server.url, {}, { origin: publicUrl, cookie })
    own.close()
  })

  test('SEC-65 polling follows the same rules, without JSONP', async () => {
    const path = '/socket.io/?EIO=4&transport=polling'
    for (const origin of ['origin: https://evil.example', 'origin: null', 'x: y']) {
      const heard = await tell(server.url, requestText('GET', path, [origin, `cookie: ${cookie}`, 'connection: close']))
      expect(heard.text, origin).not.toContain('"sid"')
      expect(heard.text).not.toMatch(/access-control-allow-(origin: (https:\/\/evil|null|\*)|credentials)/i)
    }
    const script = await tell(server.url, requestText('GET', `${path}&j=0`, [`cookie: ${cookie}`, 'connection: close']))
    expect(script.text).not.toContain('___eio')
  })

  test('SEC-66 who does not say who he is hears nothing, and is closed within 10 s', async () => {
    const [silent, pushy] = await Promise.all([openWeb(), openWeb()])
    pushy.send(`421["resume",{"epoch":null,"cursors":{"${conversationId}":0}}]`, '42["start-typing",{}]')
    await pushy.closed(1_000)
    expect(await silent.closed(limits.socketAuthTimeout + 2_000)).toBeLessThan(limits.socketAuthTimeout + 1_000)
    expect([...silent.texts, ...pushy.texts].filter((text) => !text.startsWith('0{'))).toEqual([])
  }, 20_000)

  test('SEC-67 a socket has one identity: who says another later ends it', async () => {
    const socket = await openWeb()
    socket.send(connectAs(all.eve))
    await expect.poll(() => socket.texts.length).toBe(2)
    socket.send(connectAs(all.alice), '421["resume",{"epoch":null,"cursors":{}}]')
    await socket.closed(1_000)
    expect(socket.texts.join()).not.toContain(conversationId)
  })

  test('SEC-67 who says two identities at once has one at most, and ends', async () => {
    const socket = await openWeb()
    socket.send(connectAs(all.eve), connectAs(all.alice), connectAs(all.bob))
    await socket.closed(1_000)
    expect(socket.texts.filter((text) => text.startsWith('40')).length).toBeLessThanOrEqual(1)
  })

  test.each([
    '40/admin,{}',
    '40/../,{}',
    '40/__proto__,{}',
    '40[]',
    '40{"token":{"$ne":""}}',
    '40{"token":[]}',
    '40null',
    '40{"token":null}',
    '40',
  ])('SEC-67 %s is nobody', async (payload) => {
    const socket = await openRawSocket(server.url)
    socket.send({ payload })
    await sleep(150)
    expect(socket.texts.some((text) => text.startsWith('40'))).toBe(false)
    socket.destroy()
    await expectWell()
  })
})

describe('commands', () => {
  const forged = {
    'new-message': { conversationId: 'C', message: { senderId: 'bob', text: mark } },
    'message-updated': {},
    'user-joined': { userId: 'bob', presence: 'online' },
    'user-left': { userId: 'bob', lastSeenAt: '2026-01-01T00:00:00Z' },
    'message-read': { conversationId: 'C', userId: 'bob', seq: 1 },
    'session-ended': { reason: 'expired' },
    behind: {},
    constructor: {},
    __proto__: {},
    toString: {},
    hasOwnProperty: {},
    '': {},
  }

  test('SEC-76 the frames of a server are refused when a client sends them, and reach nobody', async () => {
    const [alice, bob] = await Promise.all([all.alice.online(), all.bob.online()])
    const before = bob.frames.length
    for (const [name, payload] of Object.entries(forged)) {
      const answer = await alice.commandRaw(
        name,
        JSON.parse(JSON.stringify(payload).replace('"C"', JSON.stringify(conversationId))),
      )
      expect(answer, name).toMatchObject({ error: { code: 'invalid' } })
    }
    expect(await bob.command('set-presence', { state: 'online' })).toEqual({})
    expect(bob.frames.slice(before)).toEqual([])
    alice.close()
    bob.close()
  })

  test('SEC-76 who types is who sends: another’s id is refused', async () => {
    const alice = await all.alice.online()
    for (const extra of [{ userId: 'bob' }, { senderId: 'bob' }, { workspaceId: 'w1-other' }]) {
      const input = { conversationId, audience: 'everyone', ...extra }
      expect(await alice.commandRaw('start-typing', input)).toMatchObject({ error: { code: 'invalid' } })
    }
    alice.close()
  })

  test('SEC-77 SEC-38 no spelling of a conversation lets a stranger type into it, or hear of it', async () => {
    const [eve, mallory, bob] = await Promise.all([all.eve.online(), all.mallory.online(), all.bob.online()])
    const before = bob.frames.length
    const ids = [
      conversationId,
      '*',
      '#',
      `${conversationId}*`,
      `${conversationId} `,
      `../${conversationId}`,
      conversationId.toUpperCase(),
      '%',
    ]
    const bent: unknown[] = [...ids, [conversationId], { $ne: 1 }, null, 0, `${conversationId}\u0000`]
    for (const id of bent) {
      for (const socket of [eve, mallory]) {
        const typing = JSON.stringify(
          await socket.commandRaw('start-typing', { conversationId: id, audience: 'everyone' }),
        )
        expect(typing, JSON.stringify(id)).toMatch(/"code":"(not_found|invalid)"/)
        const cursors = typeof id === 'string' ? { [id]: 0 } : id
        const resumed = JSON.stringify(await socket.commandRaw('resume', { epoch: null, cursors }))
        expect(resumed).not.toContain(mark)
        expect(resumed).not.toContain(conversationId)
      }
    }
    await say(all.alice, conversationId, mark)
    await bob.frame(({ name }) => name === 'new-message')
    expect(bob.frames.slice(before).map(({ name }) => name)).toEqual(['new-message'])
    expect(JSON.stringify([eve.frames, mallory.frames])).not.toContain(mark)
    for (const socket of [eve, mallory, bob]) socket.close()
  })

  const values: readonly unknown[] = [null, 5, '', 'x', [], [{}], true, { $ne: '' }, { length: 1 }, { toString: 1 }]

  test.each(Object.keys(commands))('SEC-98 %s takes its input in its form only', async (name) => {
    const alice = await all.alice.online()
    for (const value of values)
      expect(await alice.commandRaw(name, value)).toMatchObject({ error: { code: 'invalid' } })
    expect(await alice.commandRaw(name, undefined)).toMatchObject({ error: { code: 'invalid' } })
    alice.close()
  })

  test.each([
    ['a prototype', '421["resume",{"epoch":null,"cursors":{"__proto__":{"a":1}}}]'],
    ['a prototype of the input', '421["set-presence",{"state":"online","__proto__":{"polluted":1}}]'],
    ['a constructor', '421["set-presence",{"state":"online","constructor":{"prototype":{"polluted":1}}}]'],
    ['an endless number', '421["resume",{"epoch":null,"cursors":{"x":1e999}}]'],
    ['a fraction', '421["resume",{"epoch":null,"cursors":{"x":1.5}}]'],
    ['10,000 lists', `421["resume",${'['.repeat(10_000)}${']'.repeat(10_000)}]`],
    ['a NUL', '421["start-typing",{"conversationId":"\\u0000","audience":"everyone"}]'],
    ['no name', '421[]'],
    ['a name that is no text', '421[{"a":1},{}]'],
    ['a reserved name', '421["disconnect",{}]'],
    ['an attachment that is not there', '451-["resume",{"_placeholder":true,"num":0}]'],
    ['very many attachments', '4599999999-["resume",{"_placeholder":true,"num":0}]'],
    ['an answer to nothing', '4399999[{}]'],
    ['no JSON', '421["resume",'],
    ['an endless number of the packet', `42${'9'.repeat(400)}["set-presence",{"state":"online"}]`],
    ['an unknown kind', '49["x"]'],
  ])('SEC-83 %s in a frame is refused or ends the socket, and changes nothing', async (_title, payload) => {
    const socket = await openRawAs(server.url, all.alice.token)
    const before = socket.texts.length
    socket.send({ payload })
    await sleep(150)
    const answers = socket.texts.slice(before).filter((text) => text !== '2')
    for (const answer of answers) expect(answer, payload).toMatch(/^43[^[]+\[\{"(error":\{"code":"invalid"|ok":)/)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    socket.destroy()
    await expectWell()
  })
})

describe('floods', () => {
  test('SEC-79 a flood of commands is refused above 120 a minute, then the socket ends; others do not notice', async () => {
    const limited = await startTestServer({ rateLimits: true })
    const [flooder, bob] = await Promise.all(
      ['flo', 'bob'].map((id) => person(limited, { id, role: 'member', workspace: 'w1' })),
    )
    if (!flooder || !bob) throw new Error('Nobody came')
    const socket = await openWeb(limited.url)
    socket.send(connectAs(flooder))
    const other = await bob.online()
    const lags: number[] = []
    for (let burst = 0; burst < 10; burst += 1) {
      const numbers = Array.from({ length: 100 }, (_, index) => burst * 100 + index)
      socket.send(...numbers.map((number) => `42${number}["no-such-command"]`))
      const before = performance.now()
      await other.command('set-presence', { state: 'online' })
      lags.push(performance.now() - before)
    }
    await socket.closed(10_000)
    expect(socket.closeCode).toBe(4008)
    const done = socket.texts.filter((text) => text.startsWith('43'))
    expect(done.filter((text) => text.includes('"invalid"'))).toHaveLength(limits.socketCommandsPerMinute)
    expect(done.filter((text) => text.includes('"rate_limited"')).length).toBeGreaterThan(0)
    expect(done.find((text) => text.includes('"rate_limited"'))).toContain('"retryAfter"')
    expect(lags.toSorted((a, b) => a - b)[5]).toBeLessThan(200)
    other.close()
    await limited.close()
  })

  test('SEC-84 a resume names at most 500 conversations, and tells of none one is not in, nor by its time', async () => {
    const ids = (count: number) => Array.from({ length: count }, () => server.running.services.ids())
    const cursors = (list: readonly string[]) => Object.fromEntries(list.map((id) => [id, 0]))
    const eve = await all.eve.online()
    const many = await eve.commandRaw('resume', { epoch: null, cursors: cursors(ids(501)) })
    expect(many).toMatchObject({ error: { code: 'invalid' } })
    const { epoch } = await eve.command('resume', { epoch: null, cursors: {} })
    const own = await eve.command('resume', { epoch, cursors: cursors([conversationId, ...ids(300)]) })
    expect(JSON.stringify(own)).not.toContain(conversationId)
    eve.close()
  })

  test('SEC-85 a person has 20 sockets, also when he opens 100 at once; others connect as ever', async () => {
    const crowd = await person(server, { id: 'crowd', role: 'member', workspace: 'w1' })
    const opened = await Promise.allSettled(Array.from({ length: 100 }, () => crowd.socket()))
    const sockets = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(sockets.length).toBe(limits.socketsPerUser)
    for (const one of opened) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'rate_limited' })
    await expectWell()
    sockets.pop()?.drop()
    await sleep(100)
    const again = await crowd.socket()
    for (const socket of [...sockets, again]) socket.close()
  })

  test('SEC-86 sockets that stay half open keep nobody waiting', async () => {
    const half = await Promise.all(Array.from({ length: 300 }, () => openRawSocket(server.url)))
    const started = performance.now()
    await expectWell()
    expect(performance.now() - started).toBeLessThan(1_000)
    destroyAll(half)
  })
})

/** A socket of Alice's, and what it does. */
async function broken(act: (socket: RawSocket) => void): Promise<RawSocket> {
  const socket = await openRawAs(server.url, all.alice.token)
  act(socket)
  await socket.gone(5_000)
  return socket
}

describe('frames', () => {
  test.each([
    ['a byte too long', { payload: 'x'.repeat(limits.socketFrame + 1) }],
    ['of 1 MiB', { payload: 'x'.repeat(1024 * 1024) }],
    ['of 100 MiB, as announced', { payload: 'x', announced: 100 * 1024 * 1024 }],
    ['longer than can be counted', { payload: 'x', announced: Number.MAX_SAFE_INTEGER }],
    ['binary and too long', { opcode: 2, payload: 'x'.repeat(limits.socketFrame + 1) }],
  ] satisfies [string, RawFrame][])('SEC-78 a frame %s ends its socket with 1009', async (_title, frame) => {
    const before = process.memoryUsage().arrayBuffers
    const socket = await broken((one) => one.send(frame))
    expect(socket.closeCode).toBe(1009)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024)
    await expectWell()
  })

  test('SEC-80 SEC-156 a message in 100,000 pieces, or without an end, ends its socket', async () => {
    const pieces = await broken((socket) => {
      socket.send({ payload: '4', fin: false })
      for (let index = 0; index < 100_000; index += 1) socket.send({ opcode: 0, fin: false, payload: 'x' })
    })
    expect([1008, 1009, 1002, undefined]).toContain(pieces.closeCode)
    await expectWell()
  })

  test('SEC-81 no compression is offered, and packed frames end their socket', async () => {
    const { status, text } = await upgrade('sec-websocket-extensions: permessage-deflate; client_max_window_bits')
    expect(status).toBe(101)
    expect(text.toLowerCase()).not.toContain('sec-websocket-extensions')
    const bomb = deflateRawSync(Buffer.alloc(50_000_000, 'x'))
    const socket = await broken((one) => one.send({ reserved: 4, payload: bomb.subarray(0, 60_000) }))
    expect(socket.closeCode).toBe(1002)
    await expectWell()
  })

  test.each([
    ['without a mask', { masked: false, payload: '2' }, [1002]],
    ['with reserved bits', { reserved: 1, payload: '2' }, [1002]],
    ['of an unknown kind', { opcode: 3, payload: '2' }, [1002]],
    ['that continues nothing', { opcode: 0, payload: '2' }, [1002]],
    ['that is no UTF-8', { payload: Buffer.from([0x34, 0x32, 0xff, 0xfe]) }, [1007]],
    ['of control, too long', { opcode: 9, payload: 'x'.repeat(126) }, [1002]],
    ['of control, in pieces', { opcode: 9, fin: false, payload: 'x' }, [1002]],
    ['that closes with a code nobody may use', { opcode: 8, payload: Buffer.from([0x03, 0xed]) }, [1002]],
    ['that closes with half a code', { opcode: 8, payload: Buffer.from([0x03]) }, [1002]],
  ] satisfies [string, RawFrame, number[]][])(
    'SEC-82 a frame %s ends its socket as the standard says',
    async (_title, frame, codes) => {
      const socket = await broken((one) => one.send(frame))
      expect(codes).toContain(socket.closeCode)
      await expectWell()
    },
  )
})

const good: readonly string[] = [
  '2',
  '3',
  '41',
  '420["resume",{"epoch":null,"cursors":{}}]',
  '421["set-presence",{"state":"away"}]',
  '422["start-typing",{"conversationId":"x","audience":"everyone"}]',
  '423["send-message",{"conversationId":"x","clientKey":"k-12345678","text":"x"}]',
  '451-["resume",{"_placeholder":true,"num":0}]',
]

/** A frame that was right before chance came over it. */
function mutatedFrame(chance: Seeded): RawFrame {
  const payload = Buffer.from(chance.pick(good) ?? '')
  for (let turns = chance.below(4); turns > 0; turns -= 1) payload[chance.below(payload.length)] = chance.below(256)
  const cut = chance.chance(20) ? payload.subarray(0, chance.below(payload.length)) : payload
  return {
    payload: cut,
    opcode: chance.chance(70) ? 1 : chance.below(16),
    fin: chance.chance(85),
    reserved: chance.chance(85) ? 0 : chance.below(8),
    masked: chance.chance(90),
    ...(chance.chance(10) ? { announced: chance.below(70_000) } : {}),
  }
}

async function attackByChance(who: Person, chance: Seeded): Promise<void> {
  const socket = await openRawAs(server.url, who.token)
  for (let frames = 1 + chance.below(5); frames > 0; frames -= 1) socket.send(mutatedFrame(chance))
  if (chance.chance(20)) socket.write(Buffer.from(Array.from({ length: chance.below(200) }, () => chance.below(256))))
  await sleep(5)
  expect(socket.texts.join()).not.toMatch(/"internal"|\.ts:|at \S+ \(/)
  socket.destroy()
}

test(`SEC-82 1,000 sockets that break the protocol by chance (SEED=${seed}) do not hurt the server`, async () => {
  const chance = seeded(seed)
  const attackers = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      person(server, { id: `attacker-${index}`, role: 'member', workspace: 'w1' }),
    ),
  )
  for (let round = 0; round < 100; round += 1) {
    await Promise.all(attackers.map((who) => attackByChance(who, chance)))
    if (round % 20 === 0) await expectWell()
  }
  await expectWell()
}, 60_000)
