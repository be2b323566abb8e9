import {
  newMark,
  note,
  type People,
  type Person,
  people,
  person,
  say,
  startConversation,
  startTestServer,
  type TestServer,
} from '@parley/testing'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Actor } from '../src/actor.ts'
import { scopeOf } from '../src/context.ts'
import { applicationRole, type Database, openDatabase } from '../src/db/database.ts'
import type { Statement } from '../src/db/statement.ts'

/** A row of any table. */
type Row = Readonly<Record<string, unknown>>

let server: TestServer
let all: People
let db: Database
let tables: string[]
let inside: string
let outside: string
let fromSeq: number
const mark = newMark()

beforeAll(async () => {
  server = await startTestServer()
  all = await people(server)
  db = await openDatabase(server.database.connection, pino({ level: 'silent' }), 4)
  const rows = await server.database.query<{ name: string }>(
    `select c.relname as name from pg_class c where c.relnamespace = 'parley'::regnamespace and c.relkind in ('r', 'p') order by 1`,
  )
  tables = rows.map(({ name }) => name)
  inside = (await startConversation(all.alice, [all.bob, all.carol])).conversation.id
  await say(all.alice, inside, 'before dave')
  await note(all.alice, inside, mark)
  await all.alice.call('addParticipant', { conversationId: inside, userId: 'dave', history: 'none' })
  await say(all.bob, inside, 'after dave')
  outside = (await startConversation(all.alice, [all.bob])).conversation.id
  await say(all.bob, outside, mark)
  const foreign = (await startConversation(all.mallory, [])).conversation.id
  await say(all.mallory, foreign, mark)
  const [place] = await server.database.query<{ from_seq: number }>(
    `select from_seq from participants where user_id = 'dave' and conversation_id = $1`,
    [inside],
  )
  fromSeq = place?.from_seq ?? 0
})

afterAll(async () => {
  await db.close()
  await server.close()
})

function actorOf({ id, workspace, role }: Person): Actor {
  return { workspaceId: workspace, userId: id, role }
}

let statements = 0

function sql(text: string): Statement {
  statements += 1
  return { name: `test-${statements}`, text }
}

/** Runs a statement as the application does, with nothing but row-level security between it and the rows. */
function run(who: Person, text: string, values: readonly unknown[] = []): Promise<Row[]> {
  return db.transaction('write', scopeOf(actorOf(who)), (tx) => tx.query<Row>(sql(text), values))
}

async function everything(who: Person): Promise<Map<string, Row[]>> {
  const found = new Map<string, Row[]>()
  for (const table of tables) found.set(table, await run(who, `select * from ${table}`))
  return found
}

test('R1 every table has row-level security, and the application owns none and cannot get around it', async () => {
  const [role] = await server.database.query(
    'select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin from pg_roles where rolname = $1',
    [applicationRole],
  )
  expect(role).toEqual({
    rolsuper: false,
    rolbypassrls: false,
    rolcreaterole: false,
    rolcreatedb: false,
    rolcanlogin: false,
  })
  const open = await server.database.query(
    `select relname from pg_class where relnamespace = 'parley'::regnamespace and relkind in ('r', 'p') and not relrowsecurity`,
  )
  expect(open).toEqual([])
  const owned = await server.database.query(
    'select c.relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = $1',
    [applicationRole],
  )
  expect(owned).toEqual([])
  expect(await run(all.alice, 'select current_user::text as who')).toEqual([{ who: applicationRole }])
})

test('R2 every policy that lets rows be written also checks what is written', async () => {
  const holes = await server.database.query(
    `select tablename, policyname from pg_policies where schemaname = 'parley' and cmd in ('INSERT', 'UPDATE', 'ALL') and with_check is null`,
  )
  expect(holes).toEqual([])
})

test('R3 nobody sees a row of another workspace', async () => {
  for (const who of [all.alice, all.carol, all.root, all.mallory]) {
    for (const [table, rows] of await everything(who)) {
      for (const row of rows) {
        if (table === 'installation') continue
        expect(row.workspace_id ?? row.id, `${who.id}: ${table}`).toBe(who.workspace)
      }
    }
  }
})

test('R4 nobody sees a row of a conversation he is not in, administrators included', async () => {
  const may: Record<string, string[]> = { alice: [inside, outside], carol: [inside], dave: [inside], eve: [], root: [] }
  for (const who of [all.alice, all.carol, all.dave, all.eve, all.root]) {
    const found = await everything(who)
    const conversations = found.get('conversations')?.map(({ id }) => id)
    expect(conversations?.toSorted(), who.id).toEqual(may[who.id]?.toSorted())
    for (const table of ['participants', 'messages', 'changes']) {
      const ids = new Set(found.get(table)?.map((row) => row.conversation_id))
      expect([...ids].sort(), `${who.id}: ${table}`).toEqual(may[who.id]?.toSorted())
    }
  }
})

test('R5 an external participant sees no note, nor that there is one', async () => {
  for (const who of [all.carol, all.dave]) {
    const found = await everything(who)
    expect(JSON.stringify([...found])).not.toContain(mark)
    for (const table of ['messages', 'changes']) {
      expect(
        found.get(table)?.every(({ audience }) => audience === 'everyone'),
        `${who.id}: ${table}`,
      ).toBe(true)
    }
  }
  expect(JSON.stringify([...(await everything(all.bob))])).toContain(mark)
})

test('R6 a late joiner sees no message or change from before', async () => {
  const found = await everything(all.dave)
  for (const table of ['messages', 'changes']) {
    const seqs = found.get(table)?.map(({ seq }) => Number(seq)) ?? []
    expect(seqs.length).toBeGreaterThan(0)
    expect(Math.min(...seqs), table).toBeGreaterThanOrEqual(fromSeq)
  }
})

test('R7 who was removed sees nothing of the conversation', async () => {
  const { conversation } = await startConversation(all.alice, [all.eve])
  await say(all.alice, conversation.id, 'before')
  await all.alice.call('removeParticipant', { conversationId: conversation.id, userId: 'eve' })
  const found = await everything(all.eve)
  for (const table of ['conversations', 'participants', 'messages', 'changes'])
    expect(found.get(table), table).toEqual([])
})

test('SEC-53 an outsider sees nothing of an internal conversation he is in, until he is of the team again', async () => {
  const yan = await person(server, { id: 'yan', role: 'member', workspace: 'w1' })
  await startConversation(all.alice, [yan], { kind: 'internal' })
  const { conversation: shared } = await startConversation(all.alice, [yan])
  await say(yan, shared.id, 'to everyone')
  const idsOf = async (who: Person) => (await run(who, 'select id from conversations')).map(({ id }) => id)
  const outsider = { ...yan, role: 'external' } as const
  for (const table of ['participants', 'messages', 'changes']) {
    const rows = await run(outsider, `select conversation_id from ${table}`)
    expect(new Set(rows.map(({ conversation_id: id }) => id)), table).toEqual(new Set([shared.id]))
  }
  expect(await idsOf(outsider)).toEqual([shared.id])
  expect(await idsOf(yan)).toHaveLength(2)
})

test('R8 sessions, accounts and links are for the system alone', async () => {
  for (const who of [all.alice, all.root]) {
    const found = await everything(who)
    for (const table of ['accounts', 'sessions', 'sign_in_links']) expect(found.get(table), table).toEqual([])
  }
})

/** The rows as their owner sees them: what an attack must not have changed. */
function stored(): Promise<Row[]> {
  return server.database.query<Row>(
    `select to_jsonb(p) as row from participants p union all select to_jsonb(m) from messages m
     union all select to_jsonb(c) from conversations c union all select to_jsonb(c) from changes c
     union all select to_jsonb(u) from users u union all select to_jsonb(o) from organizations o order by 1`,
  )
}

const forgedMessage = `insert into messages (workspace_id, id, conversation_id, seq, public_seq, sender_id, client_key,
  body_hash, kind, audience, text) values ($1, 'forged', $2, 99, 99, 'alice', 'forged', '', 'external', 'everyone', 'forged')`
const forgedChange = `insert into changes (workspace_id, conversation_id, seq, public_seq, type, actor_id, entity_id, audience)
  values ($1, $2, 99, 99, 'new-message', 'alice', 'forged', 'everyone')`
const forgedParticipant = `insert into participants (workspace_id, conversation_id, user_id, role) values ($1, $2, $3, 'owner')`

const attacks: Record<string, (who: Person) => readonly [string, readonly unknown[]]> = {
  'a message into a conversation one is not in': () => [forgedMessage, ['w1', outside]],
  'a message without the lock of the conversation': () => [forgedMessage, ['w1', inside]],
  'a change without the lock of the conversation': () => [forgedChange, ['w1', inside]],
  'oneself into a conversation one is not in': (who) => [forgedParticipant, ['w1', outside, who.id]],
  'somebody else into a conversation': () => [forgedParticipant, ['w1', outside, 'root']],
  'a text of somebody else': () => [`update messages set text = 'forged' where sender_id = 'alice'`, []],
  'a title': () => [`update conversations set subject = 'forged'`, []],
  'marks of somebody else': () => [`update participants set read_seq = 99 where user_id = 'alice'`, []],
  'the start of the own history': (who) => ['update participants set from_seq = 0 where user_id = $1', [who.id]],
  'the own role': (who) => [`update participants set role = 'owner' where user_id = $1`, [who.id]],
  'a row into another workspace': () => [
    `update participants set workspace_id = 'w1-other' where user_id = 'alice'`,
    [],
  ],
  'a role of a user': () => [`update users set role = 'admin'`, []],
  'an organization': () => [`update organizations set name = 'forged'`, []],
}

test.each(Object.keys(attacks))('R9 without the code that checks, the database refuses to write %s', async (name) => {
  const before = await stored()
  for (const who of [all.carol, all.dave, all.eve]) {
    const [text, values] = attacks[name]?.(who) ?? ['', []]
    await Promise.allSettled([run(who, text, values)])
    expect(await stored(), who.id).toEqual(before)
  }
})

test('R10 who was removed cannot bring himself back', async () => {
  const { conversation } = await startConversation(all.alice, [all.eve])
  await all.alice.call('removeParticipant', { conversationId: conversation.id, userId: 'eve' })
  const before = await stored()
  await Promise.allSettled([
    run(all.eve, `update participants set removed_at = null, from_seq = 0 where user_id = 'eve'`),
  ])
  expect(await stored()).toEqual(before)
})

test('R11 a transaction leaves nothing of its actor to the next one on the same connection', async () => {
  const single = await openDatabase(server.database.connection, pino({ level: 'silent' }), 1)
  const read = (who: Person) =>
    single.transaction('read', scopeOf(actorOf(who)), (tx) =>
      tx.query<Row>(sql('select distinct workspace_id from messages')),
    )
  for (let round = 0; round < 50; round += 1) {
    const failing = single.transaction('read', scopeOf(actorOf(all.alice)), (tx) => tx.query(sql('select 1 / 0')))
    const [, mine, theirs] = await Promise.all([failing.catch(() => []), read(all.alice), read(all.mallory)])
    expect(mine).toEqual([{ workspace_id: 'w1' }])
    expect(theirs).toEqual([{ workspace_id: 'w1-other' }])
  }
  await single.close()
})
