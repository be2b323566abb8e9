import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Person, people, say, startConversation, startTestServer, type TestServer } from '@parley/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { environment, parley, startParley } from './test/parley.ts'

const inTheFuture = 'select count(*) = 0 as good from changes where xid >= pg_snapshot_xmax(pg_current_snapshot())'
const secrets = 'select ((select count(*) from sessions) + (select count(*) from sign_in_links))::int as count'

describe('after a restore', () => {
  let server: TestServer
  let folder: string
  let alice: Person
  let bob: Person
  let conversationId: string
  let seen: string
  let said: string

  /** With a session that ends at once: one that stays could be a server's. */
  async function query(text: string): Promise<unknown[]> {
    const client = new pg.Client({ ...server.database.connection, options: '-c search_path=parley' })
    await client.connect()
    try {
      return (await client.query(text)).rows
    } finally {
      await client.end()
    }
  }

  beforeAll(async () => {
    server = await startTestServer()
    folder = await mkdtemp(join(tmpdir(), 'parley-restored-'))
    const all = await people(server)
    alice = all.alice
    bob = all.bob
    const snapshot = await startConversation(alice, [bob])
    conversationId = snapshot.conversation.id
    await say(alice, conversationId, 'before the restore')
    seen = (await bob.call('getMe', {})).epoch
    await query(`update changes set xid = '4000000000'`)
    await query(`insert into mark_moves values ('4000000000', 'w1', '${conversationId}', 'bob', 'message-read', 1, 1)`)
    await server.running.identity.createSignInLink(alice.workspace, alice.id)
  })
  afterAll(async () => {
    await server.close()
    await rm(folder, { recursive: true })
  })

  it('DEP-12 a database that a server uses is left alone', async () => {
    const { code, err } = await parley(environment(server.database, folder), ['restored'])
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/in use \(.*Stop all servers/) })
    expect((await bob.call('getMe', {})).epoch).toBe(seen)
    expect(await query(secrets)).toEqual([{ count: 1 }])
  })

  it('DEP-12 a session that may not work as the application is no hindrance, and the command says what it did', async () => {
    await query('create role watcher login')
    const watcher = new pg.Client({ ...server.database.connection, user: 'watcher' })
    await watcher.connect()
    await server.restart(async () => {
      const { code, out, err } = await parley(environment(server.database, folder), ['restored'])
      expect({ code, err }).toEqual({ code: 0, err: '' })
      said = out
    })
    await watcher.end()
    await query('drop role watcher')
    expect(await query('select 1 from mark_moves')).toEqual([])
    expect(said).toContain('Ended: 0 sessions, 1 sign-in link.')
    expect(said).toMatch(/^Took over \d+ changes of another cluster\.$/m)
  })

  it('DEP-9 whoever has seen the other history is told to load afresh', async () => {
    const socket = await bob.socket()
    const answer = await socket.command('resume', { epoch: seen, cursors: { [conversationId]: 1 } })
    expect(answer).toMatchObject({ status: 'resync' })
    const { epoch } = await bob.call('getMe', {})
    expect(epoch).not.toBe(seen)
    expect(said).toContain(epoch)
    socket.close()
  })

  it('DEP-10 no transaction of the log lies in the future', async () => {
    expect(await query(inTheFuture)).toEqual([{ good: true }])
  })

  it('DEP-11 sessions and links of the backup sign nobody in; messages are there', async () => {
    expect(await query(secrets)).toEqual([{ count: 0 }])
    await say(bob, conversationId, 'after the restore')
    const { items } = await alice.call('listMessages', { conversationId })
    expect(items.map(({ text }) => text)).toEqual(['before the restore', 'after the restore'])
  })
})

it('DEP-12 an embedded database: refused while there is none and while a server runs, done once it has stopped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-restored-'))
  const env = { PATH: process.env.PATH, PARLEY_DATA_DIR: folder, PORT: '0', PARLEY_DEMO: 'off' }
  try {
    expect(await parley(env, ['restored'])).toMatchObject({ code: 1, err: expect.stringMatching(/no database in/) })
    const server = startParley(env, ['start'])
    await server.line(/ready/)
    expect(await parley(env, ['restored'])).toMatchObject({ code: 1, err: expect.stringMatching(/Another Parley/) })
    server.child.kill('SIGTERM')
    await server.ended
    expect(await parley(env, ['restored'])).toMatchObject({ code: 0, out: expect.stringMatching(/new epoch/) })
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)
