import { randomUUID } from 'node:crypto'
import { createTestDatabase, type TestDatabase } from '@parley/testing'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Hint, localBus, type Signal } from '../bus.ts'
import { type Database, openDatabase } from '../db/database.ts'
import { startTail } from './tail.service.ts'

const log = pino({ level: 'silent' })
const workspaceId = 'w1'

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = await openDatabase(database.connection, log)
  await database.query(`insert into workspaces (id, name) values ($1, 'One')`, [workspaceId])
  await database.query(`insert into users (workspace_id, id, name, role) values ($1, 'ana', 'Ana', 'member')`, [
    workspaceId,
  ])
})

afterAll(async () => {
  await db.close()
  await database.drop()
})

type Query = (text: string, values: readonly unknown[]) => Promise<unknown>

async function makeConversation(): Promise<string> {
  const id = randomUUID()
  const values = [workspaceId, id]
  await database.query(
    `insert into conversations (workspace_id, id, kind, direct, created_by) values ($1, $2, 'internal', false, 'ana')`,
    values,
  )
  return id
}

async function change(query: Query, conversationId: string, seq: number, type = 'new-message'): Promise<void> {
  await query(
    `insert into parley.changes (workspace_id, conversation_id, seq, public_seq, type, actor_id, entity_id, audience)
     values ($1, $2, $3, $3, $4, 'ana', 'ana', 'everyone')`,
    [workspaceId, conversationId, seq, type],
  )
}

/** A transaction that stays open. */
async function openTransaction(): Promise<{ query: Query; commit(): Promise<void> }> {
  const client = new pg.Client(database.connection)
  await client.connect()
  await client.query('begin')
  return {
    query: (text, values) => client.query(text, [...values]),
    commit: async () => {
      await client.query('commit')
      await client.end()
    },
  }
}

interface Listening {
  readonly heard: Hint[]
  readonly signals: Signal[]
  look(): Promise<void>
  close(): void
}

async function startListening(clock?: () => number): Promise<Listening> {
  const bus = localBus('node')
  const [heard, signals]: [Hint[], Signal[]] = [[], []]
  bus.onHint((hint) => heard.push(hint))
  bus.onSignal((signal) => signals.push(signal))
  const tail = await startTail({ db, bus, log }, clock)
  return { heard, signals, look: () => tail.look(), close: () => tail.close() }
}

async function moveMark(conversationId: string, seq: number, publicSeq: number | null): Promise<void> {
  await database.query(
    `insert into mark_moves (workspace_id, conversation_id, user_id, type, seq, public_seq)
     values ($1, $2, 'ana', 'message-read', $3, $4)`,
    [workspaceId, conversationId, seq, publicSeq],
  )
}

test('G10 what commits is found once, with where the conversation stood before and who joined', async () => {
  const conversationId = await makeConversation()
  const { heard, look, close } = await startListening()
  await change(database.query, conversationId, 1)
  await change(database.query, conversationId, 2, 'participant-added')
  await look()
  await look()
  expect(heard).toEqual([{ workspaceId, conversationId, from: 0, seq: 2, joined: ['ana'] }])
  close()
})

test('G10 a slow writer is found when it commits, though later ones were found before', async () => {
  const [slow, quick] = [await makeConversation(), await makeConversation()]
  const { heard, look, close } = await startListening()
  const open = await openTransaction()
  await change(open.query, slow, 1)
  await change(database.query, quick, 1)
  await look()
  await change(database.query, quick, 2)
  await look()
  expect(heard.map(({ conversationId, seq }) => [conversationId, seq])).toEqual([
    [quick, 1],
    [quick, 2],
  ])
  await open.commit()
  await look()
  await look()
  expect(heard.slice(2).map(({ conversationId, seq }) => [conversationId, seq])).toEqual([[slow, 1]])
  close()
})

test('G10 what a transaction writes that began before the tail did is found', async () => {
  const conversationId = await makeConversation()
  const open = await openTransaction()
  await open.query('select pg_current_xact_id()', [])
  const { heard, look, close } = await startListening()
  await change(open.query, conversationId, 1)
  await open.commit()
  await look()
  expect(heard).toHaveLength(1)
  close()
})

test('G10 what was rolled back is not found', async () => {
  const conversationId = await makeConversation()
  const { heard, look, close } = await startListening()
  const open = await openTransaction()
  await change(open.query, conversationId, 1)
  await look()
  await open.query('rollback', [])
  await open.commit()
  await look()
  expect(heard).toEqual([])
  close()
})

test('the participants of a new conversation count as joined', async () => {
  const { heard, look, close } = await startListening()
  const conversationId = await makeConversation()
  await database.query(
    `insert into participants (workspace_id, conversation_id, user_id, role) values ($1, $2, 'ana', 'owner')`,
    [workspaceId, conversationId],
  )
  await change(database.query, conversationId, 1, 'conversation-created')
  await look()
  expect(heard).toEqual([{ workspaceId, conversationId, from: 0, seq: 1, joined: ['ana'] }])
  close()
})

test('G12 a mark that has moved is found once, as far as it went, and in the lines in which it went', async () => {
  const [open, noted] = [await makeConversation(), await makeConversation()]
  await moveMark(open, 1, 1)
  const { signals, look, close } = await startListening()
  await moveMark(open, 2, 2)
  await moveMark(open, 3, null)
  await moveMark(noted, 7, null)
  await look()
  await look()
  const said = Object.fromEntries(signals.map((signal) => [signal.conversationId, [signal.team, signal.public]]))
  const mark = (conversationId: string, seq: number) => ({ conversationId, userId: 'ana', seq })
  expect(said).toEqual({ [open]: [mark(open, 3), mark(open, 2)], [noted]: [mark(noted, 7), null] })
  expect(signals).toHaveLength(2)
  close()
})

/** Whether no transaction of before is open that could still come, in whatever database of the cluster. */
async function allSettled(): Promise<boolean | undefined> {
  const settled = 'select bool_and(xid < pg_snapshot_xmin(pg_current_snapshot())) as settled from mark_moves'
  return (await database.query<{ settled: boolean }>(settled))[0]?.settled
}

test('G12 marks that moved are kept for a minute, and then forgotten', async () => {
  const conversationId = await makeConversation()
  const kept = async () => {
    const rows = await database.query('select 1 from mark_moves where conversation_id = $1', [conversationId])
    return rows.length
  }
  let time = 0
  await moveMark(conversationId, 1, 1)
  await expect.poll(allSettled, { message: 'transactions of other databases', timeout: 20_000 }).toBe(true)
  const { look, close } = await startListening(() => time)
  time = 59_000
  await look()
  expect(await kept()).toBe(1)
  time = 61_000
  await moveMark(conversationId, 2, 2)
  await look()
  expect(await kept(), 'what has moved since').toBe(1)
  close()
})

test('the tail asks the index on transactions, whatever the size of the log', async () => {
  const conversationId = await makeConversation()
  await database.query(
    `insert into changes (workspace_id, conversation_id, seq, public_seq, type, actor_id, entity_id, audience)
     select $1, $2, n, n, 'new-message', 'ana', 'ana', 'everyone' from generate_series(1, 20000) n`,
    [workspaceId, conversationId],
  )
  const plan = await database.query(
    `explain (format text) select * from changes
     where xid >= pg_snapshot_xmax(pg_current_snapshot()) or xid = any (array(select pg_snapshot_xip(pg_current_snapshot())))`,
  )
  expect(JSON.stringify(plan)).toContain('changes_by_xid')
})
