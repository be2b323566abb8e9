import { limits } from '@parley/protocol'
import { createTestDatabase, type TestDatabase } from '@parley/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../db/database.ts'
import { importLines } from './import.service.ts'
import { type Fault, type ImportLine, parseLine } from './import-line.ts'
import type { ImportOptions } from './import-plan.ts'
import { brokenConversations } from './test/heads.ts'

let database: TestDatabase
let db: Database
let workspace: string
let workspaces = 0

beforeAll(async () => {
  database = await createTestDatabase()
  db = await openDatabase(database.connection, pino({ level: 'silent' }))
})

afterAll(async () => {
  await db.close()
  await database.drop()
})

beforeEach(async () => {
  workspaces += 1
  workspace = `w${workspaces}`
  await database.query('insert into workspaces (id, name) values ($1, $1)', [workspace])
})

interface Said {
  conversation?: string
  author?: string
  text?: string
  at?: string
  replyTo?: number
}

/** A line of a file, from a short form: `[index, author, more]`. */
function said(index: number, author: string, more: Said = {}): string {
  const minute = String(index % 60).padStart(2, '0')
  return JSON.stringify({
    conversation: 'a',
    index,
    at: `2010-05-01T10:${minute}:00Z`,
    author,
    text: `text ${index}`,
    ...more,
  })
}

async function* parsed(lines: readonly string[]): AsyncGenerator<ImportLine | Fault> {
  for (const [position, line] of lines.entries()) yield parseLine(position + 1, line, Date.now())
}

async function run(lines: readonly string[], options: Partial<ImportOptions> = {}) {
  const faults: Fault[] = []
  const watch = { onProgress: () => undefined, onFault: (fault: Fault) => void faults.push(fault) }
  const all: ImportOptions = { source: 'irc', kind: 'external', participants: [], ...options }
  return { counts: await importLines({ db }, workspace, all, parsed(lines), watch), faults }
}

function rows<Row extends object>(query: string, ...values: unknown[]): Promise<Row[]> {
  return database.query<Row>(query, [workspace, ...values])
}

function texts(): Promise<string[]> {
  return rows<{ text: string }>(
    `select m.text from messages m join conversations c on c.workspace_id = m.workspace_id and c.id = m.conversation_id
     where m.workspace_id = $1 order by c.subject, m.seq`,
  ).then((found) => found.map((row) => row.text))
}

function broken(): Promise<object[]> {
  return brokenConversations(database, workspace)
}

async function addUser(id: string, role: string): Promise<void> {
  await database.query('insert into users (workspace_id, id, name, role) values ($1, $2, $2, $3)', [
    workspace,
    id,
    role,
  ])
}

describe('IMP4 what comes in', () => {
  test('conversations, people, messages in order, original times, quotes', async () => {
    const lines = [said(0, 'ann'), said(1, 'ben', { replyTo: 0 }), said(2, 'ann', { replyTo: 1 })]
    expect((await run(lines)).counts).toEqual({
      read: 3,
      conversations: 1,
      people: 2,
      messages: 3,
      quotes: 2,
      faults: 0,
    })
    expect(
      await rows(
        `select m.seq, m.public_seq, u.name, u.role, m.kind, m.audience, q.text as quote, m.created_at, m.client_key
         from messages m join users u on u.workspace_id = $1 and u.id = m.sender_id
         left join messages q on q.workspace_id = $1 and q.id = m.reply_to where m.workspace_id = $1 order by m.seq`,
      ),
    ).toMatchObject([
      { seq: 2, public_seq: 2, name: 'ann', role: 'external', kind: 'external', audience: 'everyone', quote: null },
      { seq: 3, name: 'ben', quote: 'text 0', created_at: new Date('2010-05-01T10:01:00Z') },
      { seq: 4, name: 'ann', quote: 'text 1', client_key: expect.stringMatching(/^import:[\w.:-]+:2$/) },
    ])
    expect(await broken()).toEqual([])
  })

  test('the conversation stands as a created one: subject, first author, times, creation as first change', async () => {
    await run([said(0, 'ann'), said(1, 'ben')])
    const [conversation] = await rows(
      `select c.*, x.type from conversations c join changes x on x.workspace_id = $1 and x.conversation_id = c.id and x.seq = 1
       where c.workspace_id = $1`,
    )
    expect(conversation).toMatchObject({
      subject: 'a',
      kind: 'external',
      direct: false,
      type: 'conversation-created',
      seq: 3,
      public_seq: 3,
      participant_count: 2,
      created_at: new Date('2010-05-01T10:00:00Z'),
      activity_at: new Date('2010-05-01T10:01:00Z'),
      public_activity_at: new Date('2010-05-01T10:01:00Z'),
    })
  })

  test('two conversations, their lines mixed and out of order, stay two in order of index', async () => {
    const b = { conversation: 'b' }
    await run([said(1, 'ann'), said(0, 'ben', b), said(0, 'ann'), said(2, 'ann'), said(1, 'cat', b)])
    expect(await texts()).toEqual(['text 0', 'text 1', 'text 2', 'text 0', 'text 1'])
    expect(await broken()).toEqual([])
  })

  test('the same name in two sources is two people; in two conversations of one it is one', async () => {
    await run([said(0, 'ann'), said(0, 'ann', { conversation: 'b' })])
    await run([said(0, 'ann')], { source: 'mail' })
    expect(await rows('select 1 from users where workspace_id = $1')).toHaveLength(2)
    expect(await rows('select 1 from conversations where workspace_id = $1')).toHaveLength(3)
  })

  test('more than one batch of one conversation keeps the order', async () => {
    const lines = Array.from({ length: 20_500 }, (_, index) => said(index, `p${index % 7}`))
    expect((await run(lines)).counts.messages).toBe(20_500)
    expect(await texts()).toEqual(lines.map((_, index) => `text ${index}`))
    expect(await broken()).toEqual([])
  })
})

describe('IMP5 again', () => {
  const lines = [said(0, 'ann'), said(1, 'ben', { replyTo: 0 }), said(2, 'cat')]

  async function everything(): Promise<object[]> {
    const tables = ['users', 'conversations', 'participants', 'messages', 'changes']
    return Promise.all(tables.map((table) => rows(`select * from ${table} where workspace_id = $1`)))
  }

  test('twice changes nothing', async () => {
    await run(lines)
    const before = await everything()
    const again = await run(lines)
    expect(again.counts).toEqual({ read: 3, conversations: 0, people: 0, messages: 0, quotes: 0, faults: 0 })
    expect(await everything()).toEqual(before)
  })

  test('two at the same time add each message once', async () => {
    const [one, two] = await Promise.all([run(lines), run(lines)])
    expect(one.counts.messages + two.counts.messages).toBe(3)
    expect(one.counts.conversations + two.counts.conversations).toBe(1)
    expect(await broken()).toEqual([])
  })

  test('a file that grew adds what is new; who enters is a change of his own', async () => {
    await run(lines)
    const more = await run([...lines, said(3, 'dan', { replyTo: 1 }), said(4, 'ann')])
    expect(more.counts).toMatchObject({ people: 1, messages: 2, quotes: 1 })
    const log = await rows('select type from changes where workspace_id = $1 and seq > 4 order by seq')
    expect(log).toEqual([{ type: 'participant-added' }, { type: 'new-message' }, { type: 'new-message' }])
    expect(await broken()).toEqual([])
  })

  test('G3 other content under a known index is a fault and replaces nothing', async () => {
    await run(lines)
    const { counts, faults } = await run([said(0, 'ann', { text: 'other' }), said(2, 'cat'), said(2, 'ann')])
    expect(counts).toMatchObject({ messages: 0, faults: 2 })
    expect(faults).toEqual([
      { line: 1, reason: 'index: message 0 is there already with other content' },
      { line: 3, reason: 'index: message 2 is there already with other content' },
    ])
    expect(await texts()).toEqual(['text 0', 'text 1', 'text 2'])
  })

  test('a message that was edited or deleted meanwhile stays so', async () => {
    await run(lines)
    await database.query(`update messages set text = 'edited' where workspace_id = $1 and seq = 2`, [workspace])
    await database.query(`update messages set text = '', deleted_at = now() where workspace_id = $1 and seq = 3`, [
      workspace,
    ])
    expect((await run(lines)).counts).toMatchObject({ messages: 0, faults: 0 })
    expect(await texts()).toEqual(['edited', '', 'text 2'])
  })

  test('notes of the team in between leave the public line without a hole', async () => {
    await run(lines)
    await addUser('tom', 'member')
    await database.query(
      `with c as (update conversations set seq = seq + 1 where workspace_id = $1 returning id, seq)
       insert into changes (workspace_id, conversation_id, seq, type, actor_id, entity_id, audience)
       select $1, id, seq, 'new-message', 'tom', 'note', 'team' from c`,
      [workspace],
    )
    await run([said(3, 'ann')])
    expect(
      await rows('select seq, public_seq from messages where workspace_id = $1 order by seq desc limit 1'),
    ).toEqual([{ seq: 6, public_seq: 5 }])
    expect(await broken()).toEqual([])
  })
})

describe('IMP3 a bad line stops nothing', () => {
  test('what was refused is reported, everything else is there', async () => {
    const bad = ['no json', said(1, 'ann', { text: '  ' }), said(2, '')]
    const { counts, faults } = await run([said(0, 'ann'), ...bad, said(3, 'ann')])
    expect(counts).toMatchObject({ messages: 2, faults: 3 })
    expect(faults.map((fault) => fault.line)).toEqual([2, 3, 4])
    expect(await texts()).toEqual(['text 0', 'text 3'])
    expect(await broken()).toEqual([])
  })

  test.each([
    ['of a message that is missing', 7],
    ['of itself', 1],
    ['of a later one', 2],
  ])('a quote %s is left out and reported, the message kept', async (_, replyTo) => {
    const { counts, faults } = await run([said(0, 'ann'), said(1, 'ann', { replyTo }), said(2, 'ann')])
    expect(counts).toMatchObject({ messages: 3, quotes: 0, faults: 1 })
    expect(faults).toEqual([
      { line: 2, reason: `replyTo: no message ${replyTo} before this one; kept without its quote` },
    ])
  })

  test('the reply to a line that was refused is kept without its quote', async () => {
    const { faults } = await run([said(0, 'ann', { text: '' }), said(1, 'ann', { replyTo: 0 })])
    expect(faults.map((fault) => fault.line)).toEqual([1, 2])
    expect(await texts()).toEqual(['text 1'])
  })
})

describe('IMP6 the rules of the server', () => {
  test('an archived conversation takes nothing', async () => {
    await run([said(0, 'ann')])
    await database.query(`update conversations set status = 'archived' where workspace_id = $1`, [workspace])
    const { counts, faults } = await run([said(0, 'ann'), said(1, 'ben')])
    expect(counts).toMatchObject({ messages: 0, faults: 1 })
    expect(faults[0]?.reason).toMatch(/archived/)
    expect(await broken()).toEqual([])
  })

  test('who was removed or deactivated writes nothing more', async () => {
    await run([said(0, 'ann'), said(1, 'ben'), said(2, 'cat')])
    await database.query(
      `update participants set removed_at = now() where workspace_id = $1
       and user_id = (select id from users where workspace_id = $1 and name = 'ann')`,
      [workspace],
    )
    await database.query(`update users set deactivated_at = now() where workspace_id = $1 and name = 'ben'`, [
      workspace,
    ])
    const { faults } = await run([said(3, 'ann'), said(4, 'ben'), said(5, 'cat')])
    expect(faults.map((fault) => fault.reason)).toEqual([
      'author: was removed from the conversation',
      'author: is deactivated',
    ])
    expect(await texts()).toEqual(['text 0', 'text 1', 'text 2', 'text 5'])
  })

  test('an internal conversation holds the team only', async () => {
    await run([said(0, 'ann')], { source: 'chat', kind: 'internal' })
    expect(await rows('select role from users where workspace_id = $1')).toEqual([{ role: 'member' }])
    expect(await rows('select kind from messages where workspace_id = $1')).toEqual([{ kind: 'internal' }])
    await run([said(0, 'ben', { conversation: 'b' })], { source: 'chat', kind: 'external' })
    const { faults } = await run([said(1, 'ben')], { source: 'chat', kind: 'internal' })
    expect(faults).toEqual([{ line: 1, reason: 'Only the team can be in an internal conversation' }])
    await addUser('client', 'external')
    await expect(run([], { kind: 'internal', participants: ['client'] })).rejects.toThrow(/team/)
  })

  test('a conversation holds no more people than allowed', async () => {
    await run([said(0, 'ann')])
    await database.query('update conversations set participant_count = $2 where workspace_id = $1', [
      workspace,
      limits.participantsPerConversation,
    ])
    const { faults } = await run([said(1, 'ben'), said(2, 'ann')])
    expect(faults).toEqual([{ line: 1, reason: 'This conversation is full' }])
  })

  test('another workspace sees nothing of it', async () => {
    await run([said(0, 'ann')])
    const seen = await db.transaction('read', { kind: 'system', workspaceId: 'elsewhere' }, (tx) =>
      tx.query({ name: 'test-import-elsewhere', text: 'select id from messages' }),
    )
    expect(seen).toEqual([])
  })

  test('a workspace that is not there is refused', async () => {
    await database.query('delete from workspaces where id = $1', [workspace])
    await expect(run([said(0, 'ann')])).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('IMP7 who sees it', () => {
  const marks = (userId: string): Promise<object[]> =>
    rows(
      `select p.role, p.from_seq, p.read_seq, p.read_public_seq, p.delivered_seq from participants p
       join users u on u.workspace_id = $1 and u.id = p.user_id where p.workspace_id = $1 and $2 in (u.name, u.id)`,
      userId,
    )

  test('people named on the command line see the whole history, as read', async () => {
    await addUser('tom', 'member')
    await addUser('client', 'external')
    await run([said(0, 'ann'), said(1, 'ben')], { participants: ['tom', 'client'] })
    const whole = { from_seq: 0, read_seq: 3, read_public_seq: 3, delivered_seq: 3 }
    expect(await marks('tom')).toEqual([{ role: 'owner', ...whole }])
    expect(await marks('client')).toEqual([{ role: 'member', ...whole }])
    expect(await marks('ann')).toEqual([{ role: 'member', ...whole }])
    expect(await broken()).toEqual([])
  })

  test('they can be named later', async () => {
    await addUser('tom', 'member')
    await run([said(0, 'ann')])
    const { counts } = await run([said(0, 'ann')], { participants: ['tom'] })
    expect(counts.messages).toBe(0)
    expect(await marks('tom')).toMatchObject([{ from_seq: 0, read_seq: 3 }])
    expect(await broken()).toEqual([])
  })

  test('who had read everything has read what is added; who had not keeps his mark', async () => {
    await addUser('tom', 'member')
    await addUser('tim', 'member')
    await run([said(0, 'ann'), said(1, 'ann')], { participants: ['tom', 'tim'] })
    await database.query(`update participants set read_seq = 2 where workspace_id = $1 and user_id = 'tim'`, [
      workspace,
    ])
    await run([said(2, 'ann')], { participants: ['tom', 'tim'] })
    expect(await marks('tom')).toMatchObject([{ read_seq: 4, delivered_seq: 4 }])
    expect(await marks('tim')).toMatchObject([{ read_seq: 2, read_public_seq: 4, delivered_seq: 4 }])
  })

  test('a user who is not there is named before anything is written', async () => {
    await expect(run([said(0, 'ann')], { participants: ['tom'] })).rejects.toThrow('There is no such user: tom')
    expect(await texts()).toEqual([])
  })
})
