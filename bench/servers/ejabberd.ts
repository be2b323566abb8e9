import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { freePort } from '../../packages/testing/src/program.ts'
import type { LoadUser } from '../drivers/driver.ts'
import { endChild, startPinned, untilAnswers } from './child.ts'
import { type Assignment, membersOf, type RunningServer } from './server.ts'

const password = 'password'

/** A file of one of the distribution's packages. */
function fileOf(name: 'ejabberd' | 'erlang-p1-pgsql', ending: string): string {
  const files = execFileSync('dpkg', ['-L', name], { encoding: 'utf8' }).split('\n')
  const found = files.find((file) => file.endsWith(ending))
  if (found === undefined) throw new Error(`${name} is not installed: there is no ${ending}`)
  return found
}

interface Ports {
  readonly xmpp: number
  readonly api: number
  readonly database: number
}

/** Archives every message in PostgreSQL; traffic limits and encryption are off, as for everyone else here. */
function configuration({ xmpp, api, database }: Ports): string {
  return `loglevel: 2
hosts: [localhost]
listen:
  - {port: ${xmpp}, ip: "127.0.0.1", module: ejabberd_c2s, max_stanza_size: 262144, shaper: none, access: c2s}
  - {port: ${api}, ip: "127.0.0.1", module: ejabberd_http, request_handlers: {/api: mod_http_api}}
auth_method: internal
auth_password_format: plain
acl: {local: {user_regexp: ""}}
access_rules: {local: {allow: local}, c2s: {allow: all}, muc_create: {allow: local}}
api_permissions: {"all": {who: {ip: "127.0.0.1/8"}, what: ["*"]}}
sql_type: pgsql
sql_server: "127.0.0.1"
sql_port: ${database}
sql_database: ejabberd
sql_username: postgres
sql_password: ""
sql_pool_size: 10
sql_prepared_statements: true
modules:
  mod_disco: {}
  mod_muc_admin: {}
  mod_roster: {}
  mod_stream_mgmt: {max_ack_queue: infinity, resend_on_timeout: false}
  mod_mam: {db_type: sql, default: always, request_activates_archiving: false}
  mod_muc:
    access_create: muc_create
    min_message_interval: 0
    max_users: 5000
    history_size: 0
    default_room_options: {mam: true, public: true, persistent: true}
`
}

async function register(api: number, user: string): Promise<void> {
  const body = JSON.stringify({ user, host: 'localhost', password })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`http://127.0.0.1:${api}/api/register`, { method: 'POST', headers, body })
  if (!answer.ok) throw new Error(await answer.text())
}

function usersOf(assignment: Assignment, port: number): LoadUser[] {
  return membersOf(assignment).flatMap((members) =>
    members.map((index) => {
      const partner = members.find((other) => other !== index)
      const conversation = assignment.shape === 'group' ? 'everybody@conference.localhost' : `u${partner}`
      return { index, name: `u${index}`, token: password, port, conversations: [conversation] }
    }),
  )
}

/** Starts ejabberd over the measurement's database, with state of its own in a folder that is removed. */
export async function startEjabberd(assignment: Assignment): Promise<RunningServer> {
  const { database } = assignment
  fileOf('erlang-p1-pgsql', '.app')
  database.drop('ejabberd')
  database.create('ejabberd')
  database.run('ejabberd', '-f', fileOf('ejabberd', '/sql/pg.sql'))
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'))
  mkdirSync(join(folder, 'db'))
  const ports = { xmpp: await freePort(), api: await freePort(), database: database.port }
  writeFileSync(join(folder, 'ejabberd.yml'), configuration(ports))
  const libraries = dirname(dirname(dirname(fileOf('ejabberd', '/ebin/ejabberd.app'))))
  const env = {
    PATH: process.env.PATH,
    ERL_LIBS: libraries,
    EJABBERD_CONFIG_PATH: join(folder, 'ejabberd.yml'),
    EJABBERD_LOG_PATH: join(folder, 'ejabberd.log'),
    SPOOL_DIR: join(folder, 'db'),
    HOME: folder,
  }
  const mnesia = ['-mnesia', 'dir', JSON.stringify(join(folder, 'db'))]
  const child = startPinned('erl', ['-noinput', '+K', 'true', '+P', '250000', ...mnesia, '-s', 'ejabberd'], env)
  const stop = async () => {
    await endChild(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await untilAnswers(child, `http://127.0.0.1:${ports.api}/`)
    const users = usersOf(assignment, ports.xmpp)
    for (const { name } of users) await register(ports.api, name)
    return { driver: 'ejabberd', pid: child.pid ?? 0, users, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
