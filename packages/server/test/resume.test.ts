import { type DurableEvent, limits } from '@parley/protocol'
import {
  catchUp,
  type Held,
  load,
  note,
  type People,
  type Person,
  people,
  say,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

let server: TestServer
let all: People

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
})

afterAll(() => server.close())

/** A history with every kind of change; what each viewer held is kept for every position of his line. */
async function live(
  viewers: readonly Person[],
): Promise<{ conversationId: string; held: Map<string, Map<number, Held>> }> {
  const { conversation } = await startConversation(all.alice, [all.bob, all.carol])
  const conversationId = conversation.id
  const held = new Map(viewers.map(({ id }) => [id, new Map<number, Held>()]))
  const keep = async () => {
    for (const viewer of viewers) {
      const [state] = await Promise.allSettled([load(viewer, conversationId)])
      if (state?.status === 'fulfilled') held.get(viewer.id)?.set(state.value.snapshot.seq, state.value)
    }
  }
  const step = async <Result>(action: Promise<Result>): Promise<Result> => {
    const result = await action
    await keep()
    return result
  }
  await keep()
  const first = await step(say(all.alice, conversationId, 'first'))
  await step(note(all.bob, conversationId, 'note'))
  await step(all.alice.call('addParticipant', { conversationId, userId: 'dave' }))
  const second = await step(say(all.carol, conversationId, 'second', { replyTo: first.id }))
  await step(say(all.dave, conversationId, 'third', { replyTo: second.id }))
  await step(all.carol.call('editMessage', { messageId: second.id, text: 'second, edited' }))
  await step(all.alice.call('deleteMessage', { messageId: first.id }))
  await step(all.alice.call('updateConversation', { conversationId, subject: 'subject', status: 'waiting' }))
  await step(all.alice.call('updateParticipant', { conversationId, userId: 'bob', role: 'owner' }))
  await step(all.alice.call('addParticipant', { conversationId, userId: 'eve', history: 'all' }))
  await step(all.alice.call('removeParticipant', { conversationId, userId: 'eve' }))
  await step(note(all.alice, conversationId, 'last note'))
  await step(say(all.alice, conversationId, 'last'))
  return { conversationId, held }
}

interface Fetched {
  readonly events: readonly DurableEvent[]
  readonly seq: number
}

async function changesAfter(viewer: Person, conversationId: string, after: number, limit: number): Promise<Fetched> {
  let page = await viewer.call('listChanges', { conversationId, after, limit })
  const events = [...page.items]
  while (page.more) {
    page = await viewer.call('listChanges', { conversationId, after: page.seq, limit })
    events.push(...page.items)
  }
  return { events, seq: page.seq }
}

test('G6 G7 from every position that was ever seen, changes lead to the fresh snapshot, for every kind of viewer', async () => {
  const viewers = [all.bob, all.carol, all.dave]
  const { conversationId, held } = await live(viewers)
  for (const viewer of viewers) {
    const fresh = await load(viewer, conversationId)
    const states = held.get(viewer.id) ?? new Map<number, Held>()
    expect(states.size).toBeGreaterThan(5)
    for (const [seq, state] of states) {
      for (const limit of [1, 3, limits.changesPage]) {
        const fetched = await changesAfter(viewer, conversationId, seq, limit)
        expect(catchUp(state, fetched.events, fetched.seq), `${viewer.id} from ${seq}, ${limit} a page`).toEqual(fresh)
      }
    }
  }
})

test('G7 a page of people and a page of messages say where they were read, each in the line of who reads', async () => {
  const { conversation } = await startConversation(all.alice, [all.carol])
  const conversationId = conversation.id
  await note(all.alice, conversationId, 'among us')
  for (const viewer of [all.alice, all.carol]) {
    const { seq } = (await viewer.call('getConversation', { conversationId })).conversation
    expect((await viewer.call('listParticipants', { conversationId, limit: 1 })).seq).toBe(seq)
    expect((await viewer.call('listMessages', { conversationId, limit: 1 })).seq).toBe(seq)
  }
})

test('G6 a socket that resumes from every position gets what is after it, without a hole', async () => {
  const viewers = [all.bob, all.carol, all.dave]
  const { conversationId, held } = await live(viewers)
  for (const viewer of viewers) {
    const { epoch } = await viewer.call('getMe', {})
    const fresh = await load(viewer, conversationId)
    const socket = await viewer.socket()
    for (const [seq, state] of held.get(viewer.id) ?? []) {
      const answer = await socket.command('resume', { epoch, cursors: { [conversationId]: seq } })
      expect(answer).toMatchObject({ status: 'ok', epoch, behind: [], heads: { [conversationId]: fresh.snapshot.seq } })
      expect(catchUp(state, answer.events, fresh.snapshot.seq), `${viewer.id} from ${seq}`).toEqual(fresh)
    }
    socket.close()
  }
})

test('G6 a cursor ahead of the head, or of another epoch, is answered with resync', async () => {
  const { conversation, seq } = await startConversation(all.alice, [all.carol])
  const conversationId = conversation.id
  const { epoch } = await all.carol.call('getMe', {})
  expect(await all.carol.call('listChanges', { conversationId, after: seq + 1 })).toMatchObject({
    status: 'resync',
    epoch,
  })
  const socket = await all.carol.socket()
  const ahead = await socket.command('resume', { epoch, cursors: { [conversationId]: seq + 1 } })
  const foreign = await socket.command('resume', { epoch: 'another', cursors: { [conversationId]: seq } })
  expect(ahead).toMatchObject({ status: 'resync', epoch, events: [] })
  expect(foreign).toMatchObject({ status: 'resync', epoch, events: [] })
  socket.close()
})

test('G6 more than fits is named as behind, and can be fetched', async () => {
  const { conversation, seq } = await startConversation(all.alice, [all.carol])
  const conversationId = conversation.id
  await Promise.all(
    Array.from({ length: limits.resumeEvents + 1 }, (_value, index) => say(all.alice, conversationId, `${index}`)),
  )
  const socket = await all.carol.socket()
  const { epoch } = await all.carol.call('getMe', {})
  const answer = await socket.command('resume', { epoch, cursors: { [conversationId]: seq } })
  expect(answer).toMatchObject({ behind: [conversationId], events: [] })
  const { events } = await changesAfter(all.carol, conversationId, seq, limits.changesPage)
  expect(events.map((event) => event.seq)).toEqual(events.map((_event, index) => seq + 1 + index))
  socket.close()
})

test('G8 of long messages no more is answered at once than may wait for one reader', async () => {
  const { conversation, seq } = await startConversation(all.alice, [all.carol])
  const { conversation: other, seq: otherSeq } = await startConversation(all.alice, [all.carol])
  const long = '字'.repeat(limits.textLength)
  await Promise.all(Array.from({ length: 60 }, () => say(all.alice, conversation.id, long)))
  await Promise.all(Array.from({ length: 10 }, () => say(all.alice, other.id, long)))
  const socket = await all.carol.socket()
  const cursors = { [conversation.id]: seq, [other.id]: otherSeq }
  const answer = await socket.command('resume', { epoch: null, cursors })
  expect(answer.behind).toContain(conversation.id)
  expect(JSON.stringify(answer.events).length).toBeLessThan(limits.resumeBytes)
  const reached = new Set([...answer.behind, ...answer.events.map((event) => event.conversationId)])
  expect(reached).toEqual(new Set([conversation.id, other.id]))
  socket.close()
})

/** What a client has after its resume: the events of the answer, of changes where it was told to fetch, and of the socket. */
async function collect(
  viewer: Person,
  conversationId: string,
  after: number,
  until: Promise<number>,
): Promise<number[]> {
  const { epoch } = await viewer.call('getMe', {})
  const socket = await viewer.socket()
  const answer = await socket.command('resume', { epoch, cursors: { [conversationId]: after } })
  const head = await until
  await socket.reached(conversationId, head)
  const events = [...answer.events, ...socket.events(conversationId)]
  if (answer.behind.includes(conversationId)) {
    events.push(...(await changesAfter(viewer, conversationId, after, limits.changesPage)).events)
  }
  socket.close()
  return [...new Set(events.map(({ seq }) => seq))].sort((a, b) => a - b)
}

test('G6 resuming while others write leaves no hole, 30 times', async () => {
  const { conversation, seq } = await startConversation(all.alice, [all.bob, all.carol])
  const conversationId = conversation.id
  const after = seq
  let writing = true
  const writers = [all.alice, all.bob, all.carol].map(async (who) => {
    while (writing) await say(who, conversationId, 'text', who.id === 'bob' ? { audience: 'team' } : {})
  })
  const done = Promise.withResolvers<void>()
  const reading = Array.from({ length: 30 }, async (_value, index) => {
    const viewer = index % 2 === 0 ? all.bob : all.carol
    const until = done.promise.then(
      async () => (await viewer.call('getConversation', { conversationId })).conversation.seq,
    )
    return { head: until, seqs: await collect(viewer, conversationId, after, until) }
  })
  await new Promise((resolve) => setTimeout(resolve, 1500))
  writing = false
  await Promise.all(writers)
  await say(all.alice, conversationId, 'the last one')
  done.resolve()
  for (const read of reading) {
    const { head, seqs } = await read
    expect(seqs).toEqual(Array.from({ length: (await head) - after }, (_value, index) => after + 1 + index))
  }
})
