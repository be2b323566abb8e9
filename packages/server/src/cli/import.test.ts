import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { createTestDatabase, type TestDatabase } from '@parley/testing'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { brokenConversations } from '../import/test/heads.ts'
import { environment, parley, startParley } from './test/parley.ts'

let database: TestDatabase
let folder: string
let env: NodeJS.ProcessEnv
let workspace: string
let workspaces = 0

beforeAll(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'parley-cli-'))
  env = environment(database, folder)
})

afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})

beforeEach(async () => {
  workspaces += 1
  workspace = `w${workspaces}`
  await database.query('insert into workspaces (id, name) values ($1, $1)', [workspace])
})

function said(conversation: string, index: number, more: object = {}): string {
  const author = `p${(index * 7) % 50}`
  return JSON.stringify({
    conversation,
    index,
    at: '2010-05-01T10:00:00Z',
    author,
    text: `${conversation} ${index}`,
    ...more,
  })
}

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

function run(path: string, ...flags: string[]) {
  return parley(env, ['import', path, '--workspace', workspace, ...flags])
}

async function counted(): Promise<number> {
  const [row] = await database.query<{ n: number }>('select count(*) as n from messages where workspace_id = $1', [
    workspace,
  ])
  return row?.n ?? 0
}

test('IMP1 a gzip file and a plain one of the same name are the same source', async () => {
  const content = [said('a', 0), said('a', 1, { replyTo: 0 })].join('\n')
  const first = await run(await file('history.jsonl.gz', gzipSync(content)))
  expect(first).toMatchObject({ code: 0, err: '' })
  expect(first.out).toMatch(/Read 2 messages .*\nAdded .*: 2 messages, 1 conversation, 2 people, 1 quote\.\n$/)
  const again = await run(await file('history.jsonl', content))
  expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/it is all there/) })
  const other = await run(join(folder, 'history.jsonl'), '--name', 'other')
  expect(other.out).toMatch(/: 2 messages, 1 conversation, 2 people/)
})

test('IMP3 bad lines are listed with number and reason, the rest is there, the exit code is 1', async () => {
  const lines = [said('a', 0), 'nonsense', said('a', 1, { text: ' ' }), said('a', 2, { replyTo: 9 }), said('a', 3)]
  const { code, out, err } = await run(await file('bad.jsonl', lines.join('\n')))
  expect(code).toBe(1)
  expect(err).toMatch(/^line 2: not JSON$/m)
  expect(err).toMatch(/^line 3: text: /m)
  expect(err).toMatch(/^line 4: replyTo: no message 9 before this one/m)
  expect(err).toMatch(/^parley: 3 bad lines, listed above; the rest is there\.$/m)
  expect(out).toMatch(/Added .*: 3 messages/)
  expect(await counted()).toBe(3)
})

test('IMP7 people named see it; one who is not there stops it before it starts', async () => {
  await database.query(`insert into users (workspace_id, id, name, role) values ($1, 'tom', 'Tom', 'member')`, [
    workspace,
  ])
  const path = await file('seen.jsonl', said('a', 0))
  expect(await run(path, '--participant', 'tim')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/no such user: tim/),
  })
  expect((await run(path, '--participant', 'tom')).code).toBe(0)
  const seen = await database.query('select 1 from participants where workspace_id = $1 and user_id = $2', [
    workspace,
    'tom',
  ])
  expect(seen).toHaveLength(1)
})

const conversations = Array.from({ length: 16 }, (_, at) => `c${at}`)

/** 12,800 messages: half of the conversations one after the other, half of them mixed. */
function large(): string[] {
  const [inOrder, mixed] = [conversations.slice(0, 8), conversations.slice(8)]
  const indexes = Array.from({ length: 800 }, (_, index) => index)
  const reply = (index: number) => (index % 4 === 3 ? { replyTo: index - 2 } : {})
  return [
    ...inOrder.flatMap((name) => indexes.map((index) => said(name, index, reply(index)))),
    ...indexes.flatMap((index) => mixed.map((name) => said(name, index, reply(index)))),
  ]
}

test('IMP5 killed at any point with -9, it goes on where it was: nothing lost, nothing twice, never half', async () => {
  const path = await file('large.jsonl.gz', gzipSync(large().join('\n')))
  let kills = 0
  for (let target = 1; target < 12_800; target = (await counted()) + 2_500) {
    const { child, ended } = startParley(env, ['import', path, '--workspace', workspace])
    let over = false
    void ended.then(() => {
      over = true
    })
    while (!over && (await counted()) < target) await sleep(3)
    if (child.kill('SIGKILL')) kills += 1
    await ended
    expect(await brokenConversations(database, workspace)).toEqual([])
  }
  expect(kills).toBeGreaterThan(1)
  expect((await run(path)).code).toBe(0)
  const rows = await database.query<{ subject: string; texts: string[]; quotes: number }>(
    `select c.subject, array_agg(m.text order by m.seq) as texts, count(q.id) as quotes from messages m
     join conversations c on c.workspace_id = $1 and c.id = m.conversation_id
     left join messages q on q.workspace_id = $1 and q.id = m.reply_to and q.seq < m.seq
     where m.workspace_id = $1 group by c.subject`,
    [workspace],
  )
  expect(new Set(rows.map((row) => row.subject))).toEqual(new Set(conversations))
  for (const { subject, texts, quotes } of rows) {
    expect(texts).toEqual(Array.from({ length: 800 }, (_, index) => `${subject} ${index}`))
    expect(quotes).toBe(200)
  }
  expect(await brokenConversations(database, workspace)).toEqual([])
  expect((await run(path)).out).toMatch(/it is all there/)
}, 120_000)

test('IMP5 stopped with Ctrl-C it says how to go on', async () => {
  const path = await file('large.jsonl', large().join('\n'))
  const { child, ended } = startParley(env, ['import', path, '--workspace', workspace])
  while ((await counted()) === 0) await sleep(3)
  child.kill('SIGINT')
  expect(await ended).toMatchObject({ code: 1, err: expect.stringMatching(/run the command again to go on/) })
  expect(await brokenConversations(database, workspace)).toEqual([])
  expect((await run(path)).code).toBe(0)
  expect(await counted()).toBe(12_800)
})
