import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase, type TestDatabase } from '@parley/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSettings } from '../config.ts'
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
    [['user', 'update']],
    [['user', 'password']],
    [['user', 'deactivate']],
    [['user', 'activate']],
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
    [
      'several faults, also those of production',
      ['migrate'],
      { NODE_ENV: 'production', PORT: '0x10', PARLEY_PUBLIC_URL: 'https://a.example/chat', PARLEY_RATE_LIMITS: 'off' },
      /PORT must be a whole number from 0 to 65535\n.*PARLEY_PUBLIC_URL .*without a path.*\n.*PARLEY_SECRET is required.*\n.*PARLEY_RATE_LIMITS /,
    ],
    [
      'an address that is none',
      ['migrate'],
      { PARLEY_PUBLIC_URL: 'chat.example.com' },
      /PARLEY_PUBLIC_URL must be the http or/,
    ],
    ['production without an address', ['migrate'], { NODE_ENV: 'production' }, /PARLEY_PUBLIC_URL is required/],
    [
      'another word for production',
      ['migrate'],
      { NODE_ENV: 'prod' },
      /NODE_ENV must be production, development or test/,
    ],
    ['a space for a number', ['migrate'], { PORT: ' ' }, /PORT must be a whole number/],
    [
      'a file for a data directory',
      ['migrate'],
      { DATABASE_URL: '', PARLEY_DATA_DIR: '/etc/hostname' },
      /file where a folder should be/,
    ],
    [
      "a name that is no machine's",
      ['start'],
      { HOST: 'nowhere.invalid' },
      /No machine has that name: nowhere.invalid/,
    ],
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
    expect(await parley(env, args)).toMatchObject({ code: 2, err: expect.stringMatching(/this email already/) })
  })

  test('changed: name, email address, role, organization; another password; shut out and let in again', async () => {
    const make = [
      'user',
      'create',
      '--name',
      'Cy',
      '--role',
      'external',
      '--id',
      'cy',
      '--organization',
      'fox:Fox Ltd:client',
    ]
    expect((await parley(env, make)).code).toBe(0)
    const phrase = 'correct horse battery staple 7\n'
    expect(await parley(env, ['user', 'password', 'cy'], phrase)).toMatchObject({
      code: 1,
      err: expect.stringContaining('no user cy with an email address'),
    })
    const change = ['--name', 'Cy Fox', '--email', 'Cy@example.com', '--role', 'member', '--organization', 'none']
    expect(await parley(env, ['user', 'update', 'cy', ...change])).toMatchObject({ code: 0, err: '' })
    expect((await parley(env, ['user', 'list'])).out).toMatch(/^cy\s+Cy Fox\s+member\s+cy@example.com\s*$/m)
    expect(await parley(env, ['user', 'password', 'cy'], 'password1\n')).toMatchObject({
      code: 2,
      err: expect.stringContaining('password: This password is too easy to guess'),
    })
    expect((await parley(env, ['user', 'password', 'cy'], phrase)).code).toBe(0)
    expect((await parley(env, ['user', 'deactivate', 'cy'])).code).toBe(0)
    expect((await parley(env, ['user', 'activate', 'cy'])).code).toBe(0)
    expect((await parley(env, ['user', 'link', 'cy'])).out).toMatch(link)
  })

  test('nothing to change, a value that cannot be and nobody to change are told', async () => {
    expect((await parley(env, ['user', 'update', 'nobody'])).code).toBe(2)
    expect((await parley(env, ['user', 'update', 'nobody', '--email', 'none'])).code).toBe(2)
    for (const args of [
      ['update', 'nobody', '--name', 'No'],
      ['activate', 'nobody'],
    ]) {
      const { code, err } = await parley(env, ['user', ...args])
      expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('There is no user nobody') })
    }
  })
})

test('CLI9 a public address is read in one spelling', () => {
  for (const PARLEY_PUBLIC_URL of [' https://a.example', 'https://a.example/\n', 'HTTPS://A.example/']) {
    expect(readSettings({ PARLEY_PUBLIC_URL }).publicUrl).toBe('https://a.example')
  }
})

test('CLI10 first commands that run at once share one secret', async () => {
  const dataDir = join(folder, 'new')
  const program = `
    import { readConfig } from ${JSON.stringify(join(import.meta.dirname, '../config.ts'))}
    process.once('message', (env) => process.send(readConfig(env).secret, () => process.disconnect()))
    process.send('ready')`
  const args = ['--input-type=module', '--eval', program]
  const children = Array.from({ length: 6 }, () => {
    return spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  })
  await Promise.all(children.map((child) => once(child, 'message')))
  const told = children.map((child) => once(child, 'message'))
  for (const child of children) child.send({ PARLEY_DATA_DIR: dataDir })
  const secrets = (await Promise.all(told)).map(([secret]) => secret)
  expect(new Set(secrets)).toEqual(new Set([readFileSync(join(dataDir, 'secret'), 'utf8')]))
  expect(readdirSync(dataDir)).toEqual(['secret'])
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

  test('before the first start: makes neither folder nor secret', async () => {
    const dataDir = join(folder, 'not', 'there')
    const out = await look({ PARLEY_DATA_DIR: dataDir, DATABASE_URL: '' })
    expect(out).toMatch(/^✓ {2}Data directory .*made at the first start/m)
    expect(existsSync(join(folder, 'not'))).toBe(false)
  })

  test('sees Redis and a key set that do not answer', async () => {
    const out = await look({ REDIS_URL: 'redis://127.0.0.1:1', PARLEY_JWKS_URL: 'http://127.0.0.1:1/keys' })
    expect(out).toMatch(/^✗ {2}Redis .*127.0.0.1:1 does not answer/m)
    expect(out).toMatch(/^✗ {2}Key set .*cannot be fetched/m)
  })

  test('sees a key set that is one, and one that is none', async () => {
    const host = createHttpServer(({ url }, response) => response.end(url === '/keys' ? '{"keys":[]}' : 'hello'))
    await once(host.listen(0, '127.0.0.1'), 'listening')
    const base = `http://127.0.0.1:${(host.address() as AddressInfo).port}`
    expect(await look({ PARLEY_JWKS_URL: `${base}/keys` })).toMatch(/^✓ {2}Key set {2,}0 keys/m)
    expect(await look({ PARLEY_JWKS_URL: `${base}/page` })).toMatch(/^✗ {2}Key set .*no key set/m)
    host.close()
  })

  test('sees a port in use, a database that is away and faults of the configuration', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    expect(await look({ PORT: String(port) })).toMatch(/^✗ {2}Port .*in use/m)
    const other = createHttpServer((_, response) => response.end('{}')).listen(0, '127.0.0.1')
    await once(other, 'listening')
    expect(await look({ PORT: String((other.address() as AddressInfo).port) })).toMatch(/^✗ {2}Port .*in use/m)
    other.close()
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

  test('a Redis that does not answer is one line of the log, and no hindrance', async () => {
    const server = startParley({ ...env, PARLEY_DEMO: 'off', REDIS_URL: 'redis://127.0.0.1:1' }, ['start'])
    await server.line(/ready/)
    server.child.kill('SIGTERM')
    const { code, err } = await server.ended
    expect(code).toBe(0)
    expect(err.match(/Redis does not answer/g)).toHaveLength(1)
  })

  test.each([
    ['one process', []],
    ['two processes', ['--processes', '2']],
  ])('a port in use, %s: it says so and ends with 1', async (_, flags) => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const { code, err } = await parley({ ...env, PORT: String(port), LOG_LEVEL: 'silent' }, ['start', ...flags])
    holder.close()
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('The port is in use') })
  })

  test('an address of another machine, with a database of its own: it says so, ends with 1, and the database with it', async () => {
    const data = await mkdtemp(join(tmpdir(), 'parley-own-'))
    const own = { PATH: process.env.PATH, PARLEY_DATA_DIR: data, PORT: '0', HOST: '192.0.2.1', LOG_LEVEL: 'silent' }
    try {
      const { code, err } = await parley(own, ['start'])
      expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('check HOST') })
      expect((await parley({ ...own, HOST: '127.0.0.1' }, ['doctor'])).code).toBe(0)
    } finally {
      await rm(data, { recursive: true, force: true })
    }
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
