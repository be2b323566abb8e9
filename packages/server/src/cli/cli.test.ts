import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase, type TestDatabase } from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { environment, parley, startParley } from './test/parley.ts'

let database: TestDatabase
let folder: string
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'parley-cli-'))
  env = environment(database, folder)
})

afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})

const link = /^http:\/\/127\.0\.0\.1:\d+\/link#\S+$/m

describe.concurrent('CLI1 every command explains itself', () => {
  test.each([
    [[]],
    [['start']],
    [['migrate']],
    [['import']],
    [['user']],
    [['user', 'create']],
    [['user', 'list']],
    [['user', 'link']],
    [['user', 'deactivate']],
    [['restored']],
    [['doctor']],
  ])('%j --help', async (command) => {
    const { code, out, err } = await parley({ PORT: 'not read for help' }, [...command, '--help'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(new RegExp(`^Usage: parley ${command.join(' ')}`.trim()))
  })
})

describe.concurrent('CLI2 exit codes, and words instead of stacks', () => {
  test.each([
    ['no command', []],
    ['an unknown command', ['fly']],
    ['an unknown option', ['doctor', '--fast']],
    ['a missing argument', ['import']],
    ['a role that is none', ['user', 'create', '--name', 'Ada', '--role', 'boss']],
    [
      'an organization in another form',
      ['user', 'create', '--name', 'Ada', '--role', 'member', '--organization', 'a:b'],
    ],
    ['a value the server refuses', ['user', 'create', '--name', 'Ada', '--role', 'member', '--email', 'none']],
  ])('%s is 2', async (_, args) => {
    const { code, err } = await parley(env, args)
    expect(code).toBe(2)
    expect(err).not.toMatch(/^\s+at /m)
  })

  test.each<[string, string[], NodeJS.ProcessEnv, RegExp]>([
    ['a file that is not there', ['import', '/nowhere'], {}, /no such file or folder: \/nowhere/],
    ['a folder', ['import', tmpdir()], {}, /folder, not a file/],
    ['a fault in the configuration', ['migrate'], { PORT: 'abc', LOG_LEVEL: 'loud' }, /PORT .*\n.*LOG_LEVEL /],
    [
      'a database that is not there',
      ['migrate'],
      { DATABASE_URL: 'postgresql://a@127.0.0.1:1/a' },
      /cannot be reached/,
    ],
    ['a workspace that is not there', ['user', 'list', '--workspace', 'none'], {}, /no workspace none/],
    ['a user who is not there', ['user', 'link', 'nobody'], {}, /no active user nobody/],
  ])('%s is 1', async (_, args, more, reason) => {
    const { code, err } = await parley({ ...env, ...more }, args)
    expect(code).toBe(1)
    expect(err).toMatch(reason)
    expect(err).not.toMatch(/^\s+at /m)
  })
})

test('CLI3 migrate says what it did', async () => {
  expect(await parley(env, ['migrate'])).toMatchObject({ code: 0, out: 'The database is up to date.\n', err: '' })
  await database.query('create database fresh')
  const fresh = { ...env, DATABASE_URL: env.DATABASE_URL?.replace(/\/parley_\w+/, '/fresh') }
  try {
    const { code, out } = await parley(fresh, ['migrate'])
    expect(code).toBe(0)
    expect(out).toMatch(/^Applied 0001_core\n/)
  } finally {
    await database.query('drop database fresh')
  }
})

describe('CLI4 people', () => {
  test('made with a password and an organization, listed, given a link, deactivated', async () => {
    const name = ['--name', 'Ada Moor', '--email', 'ada@example.com', '--id', 'ada']
    const more = ['--role', 'admin', '--organization', 'moor:Moor Ltd:own', '--password-stdin']
    const made = await parley(env, ['user', 'create', ...name, ...more], 'correct horse battery staple 7\n')
    expect(made).toMatchObject({ code: 0, err: '' })
    expect(made.out).toMatch(link)
    expect((await parley(env, ['user', 'list'])).out).toMatch(/^ada\s+Ada Moor\s+admin\s+ada@example.com\s+Moor Ltd$/m)
    expect((await parley(env, ['user', 'link', 'ada'])).out).toMatch(link)
    expect(await parley(env, ['user', 'deactivate', 'ada'])).toMatchObject({ code: 0 })
    expect((await parley(env, ['user', 'list'])).out).toMatch(/^ada .* deactivated$/m)
    expect((await parley(env, ['user', 'link', 'ada'])).code).toBe(1)
  })

  test('an email address that is taken is refused', async () => {
    const args = ['user', 'create', '--name', 'Ben', '--role', 'member', '--email', 'ben@example.com']
    expect((await parley(env, args)).code).toBe(0)
    expect(await parley(env, args)).toMatchObject({ code: 1, err: expect.stringMatching(/this email already/) })
  })
})

describe('CLI5 the doctor', () => {
  async function look(more: NodeJS.ProcessEnv = {}): Promise<string> {
    return (await parley({ ...env, ...more }, ['doctor'])).out
  }

  test('finds a good installation good', async () => {
    const out = await look()
    for (const name of [
      'Node',
      'Configuration',
      'Data directory',
      'Port',
      'Database',
      'Migrations',
      'Row-level security',
    ]) {
      expect(out).toMatch(new RegExp(`^✓  ${name} `, 'm'))
    }
  })

  test('sees a table without row-level security, one the application owns, and one it sees too much of', async () => {
    await database.query('alter table messages disable row level security')
    expect(await look()).toMatch(/^✗ {2}Row-level security .*unprotected table messages/m)
    await database.query('alter table messages enable row level security')
    await database.query('alter table sign_in_links owner to parley_app')
    expect(await look()).toMatch(/^✗ {2}Row-level security .*sign_in_links/m)
    await database.query('alter table sign_in_links owner to current_user')
    await database.query('create policy leak on users for select using (true)')
    await database.query(`insert into workspaces (id, name) values ('w', 'w') on conflict do nothing`)
    await database.query(`insert into users (workspace_id, id, name, role) values ('w', 'u', 'u', 'member')`)
    expect(await look()).toMatch(/^✗ {2}Row-level security .*users/m)
    await database.query('drop policy leak on users')
    expect(await look()).toMatch(/^✓ {2}Row-level security/m)
  })

  test('sees a port in use, a database that is away and faults of the configuration', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const address = server.address()
    const port = address !== null && typeof address === 'object' ? String(address.port) : ''
    expect(await look({ PORT: port })).toMatch(/^✗ {2}Port .*in use/m)
    server.close()
    expect(await look({ PARLEY_SECRET: 'x'.repeat(40) })).toMatch(/^✗ {2}Configuration .*PARLEY_SECRET/m)
    expect(await look({ DATABASE_URL: 'postgresql://a@127.0.0.1:1/a' })).toMatch(/^✗ {2}Database .*cannot be reached/m)
  })
})

describe('CLI6 start', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('serves, prints one link, ends with 0 on %s', async (signal) => {
    const server = startParley({ ...env, PARLEY_DEMO: 'off' }, ['start'])
    const ready = await server.line(/ready/)
    const [url = ''] = /http:\S+/.exec(ready) ?? []
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    server.child.kill(signal)
    const { code, out, err } = await server.ended
    expect(code).toBe(0)
    expect(out.match(/http:\S+/g)).toEqual([url])
    for (const line of err.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow()
  })

  test('the demo: a link that opens the inbox, one for each of three people, one again at a later start', async () => {
    const empty = await createTestDatabase()
    const demo = environment(empty, folder)
    try {
      const first = startParley(demo, ['start'])
      await first.line(/Dana/)
      first.child.kill('SIGTERM')
      const { out } = await first.ended
      expect(new Set(out.match(/http:\S+\/link#\S+/g)).size).toBe(3)
      const second = startParley(demo, ['start'])
      expect(await second.line(/ready/)).toMatch(/\/link#\S+$/)
      second.child.kill('SIGTERM')
      expect((await second.ended).code).toBe(0)
    } finally {
      await empty.drop()
    }
  })
})

test('CLI7 commands join the running server on its own database', async () => {
  const data = await mkdtemp(join(tmpdir(), 'parley-own-'))
  const own = { PATH: process.env.PATH, PARLEY_DATA_DIR: data, PORT: '0', PARLEY_DEMO: 'off' }
  const server = startParley(own, ['start'])
  try {
    await server.line(/ready/)
    const create = ['user', 'create', '--name', 'Ada', '--role', 'admin', '--id', 'ada']
    expect((await parley(own, create)).code).toBe(0)
    expect(await parley(own, ['user', 'list'])).toMatchObject({ code: 0, out: expect.stringMatching(/^ada /m) })
    expect((await parley(own, ['start'])).err).toMatch(/Another Parley server/)
    server.child.kill('SIGTERM')
    expect((await server.ended).code).toBe(0)
    expect(await parley(own, ['user', 'list'])).toMatchObject({ code: 0, out: expect.stringMatching(/^ada /m) })
  } finally {
    server.child.kill('SIGKILL')
    await rm(data, { recursive: true, force: true })
  }
})
