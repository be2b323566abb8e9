import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Person, people, say, startConversation, startTestServer, type TestServer } from '@parley/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const statements = readFileSync(join(import.meta.dirname, 'after-restore.sql'), 'utf8')
const inTheFuture = 'select count(*) as ahead from changes where xid >= pg_snapshot_xmax(pg_current_snapshot())'

describe('after a restore', () => {
  let server: TestServer
  let alice: Person
  let bob: Person
  let conversationId: string
  let seen: string

  beforeAll(async () => {
    server = await startTestServer()
    const all = await people(server)
    alice = all.alice
    bob = all.bob
    const snapshot = await startConversation(alice, [bob])
    conversationId = snapshot.conversation.id
    await say(alice, conversationId, 'before the restore')
    seen = (await bob.call('getMe', {})).epoch
    await server.database.query(`update changes set xid = '4000000000'`)
    await server.running.identity.createSignInLink(alice.workspace, alice.id)
    await server.database.query(statements)
    await server.restart()
  })
  afterAll(() => server.close())

  it('DEP-9 whoever has seen the other history is told to load afresh', async () => {
    const socket = await bob.socket()
    const answer = await socket.command('resume', { epoch: seen, cursors: { [conversationId]: 1 } })
    expect(answer).toMatchObject({ status: 'resync' })
    expect((await bob.call('getMe', {})).epoch).not.toBe(seen)
    socket.close()
  })

  it('DEP-10 no transaction of the log lies in the future', async () => {
    expect(await server.database.query(inTheFuture)).toEqual([{ ahead: 0 }])
  })

  it('DEP-11 sessions and links of the backup sign nobody in; messages are there', async () => {
    const [left] = await server.database.query(
      'select (select count(*) from sessions) + (select count(*) from sign_in_links) as secrets',
    )
    expect(left).toEqual({ secrets: 0 })
    await say(bob, conversationId, 'after the restore')
    const { items } = await alice.call('listMessages', { conversationId })
    expect(items.map(({ text }) => text)).toEqual(['before the restore', 'after the restore'])
  })
})
