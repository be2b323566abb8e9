import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectionOf } from '../../packages/server/src/db/embedded.ts'
import { freePort } from '../../packages/testing/src/program.ts'
import type { LoadUser } from '../drivers/driver.ts'
import { writeLogAhead } from '../machine/database.ts'
import { endChild, startPinned, untilAnswers } from './child.ts'
import { type Assignment, membersOf, type RunningServer, signToken } from './server.ts'

/** Performs an operation: `POST` with a body, `GET` without. */
export type Caller = <Output>(path: string, body?: object) => Promise<Output>

/** A Parley of the measurement's own, rate limits off. */
export interface ParleyProcess {
  readonly pid: number
  readonly port: number
  readonly dataDir: string
  tokenOf(name: string, workspace?: string): string
  /** Makes somebody known and answers how to call in that name. */
  person(name: string, workspace?: string): Promise<Caller>
  stop(): Promise<void>
}

const organization = { id: 'studio', name: 'Studio', kind: 'own' }
const binary = join(import.meta.dirname, '../../packages/server/bin/parley.js')
const parallel = 16

async function call<Output>(url: string, token: string, body?: object): Promise<Output> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const init = body ? { method: 'POST', body: JSON.stringify(body), headers } : { headers }
  const answer = await fetch(url, init)
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as Output
}

/** Runs a command of Parley to its end. */
export async function runParley(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  await promisify(execFile)(process.execPath, [binary, ...args], { env: { PATH: process.env.PATH, ...env } })
}

/**
 * Starts Parley on the server's cores.
 * @param env environment that differs, such as `DATABASE_URL`
 * @param flags of `parley start`
 */
export async function startParleyWith(env: NodeJS.ProcessEnv, flags: readonly string[] = []): Promise<ParleyProcess> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-bench-'))
  const secret = randomBytes(32).toString('base64url')
  const settings = { PARLEY_DEMO: 'off', PARLEY_RATE_LIMITS: 'off', LOG_LEVEL: 'warn', PARLEY_JWT_SECRET: secret }
  const place = { PATH: process.env.PATH, PORT: String(port), PARLEY_DATA_DIR: dataDir }
  const child = startPinned(process.execPath, [binary, 'start', ...flags], { ...place, ...settings, ...env })
  const stop = async () => {
    await endChild(child)
    rmSync(dataDir, { recursive: true, force: true })
  }
  try {
    await untilAnswers(child, `${url}/readyz`)
  } catch (error) {
    await stop()
    throw error
  }
  const tokenOf = (name: string, workspace = 'bench') =>
    signToken(secret, { sub: name, name, role: 'member', workspace, organization })
  const person = async (name: string, workspace?: string): Promise<Caller> => {
    const token = tokenOf(name, workspace)
    await call(`${url}/api/me`, token)
    return (path, body) => call(`${url}/api/messaging${path}`, token, body)
  }
  return { pid: child.pid ?? 0, port, dataDir, tokenOf, person, stop }
}

/** Works through a list, several at a time. */
async function forAll<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values()
  const one = async () => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: parallel }, one))
}

async function makePeople(server: ParleyProcess, assignment: Assignment): Promise<LoadUser[]> {
  const callers = new Map<number, Caller>()
  const indexes = Array.from({ length: assignment.users }, (_, index) => index)
  await forAll(indexes, async (index) => void callers.set(index, await server.person(`u${index}`)))
  const users: LoadUser[] = []
  await forAll(membersOf(assignment), async (members) => {
    const [creator = 0, ...others] = members
    const about = others.length > 1 ? { subject: 'Everybody' } : { direct: true }
    const body = { kind: 'internal', participants: others.map((index) => `u${index}`), ...about }
    const made = await callers.get(creator)?.<{ conversation: { conversation: { id: string } } }>(
      '/conversations',
      body,
    )
    const conversations = [made?.conversation.conversation.id ?? '']
    const { port, tokenOf } = server
    users.push(
      ...members.map((index) => ({ index, name: `u${index}`, token: tokenOf(`u${index}`), port, conversations })),
    )
  })
  return users
}

async function startFor(
  assignment: Assignment,
  env: NodeJS.ProcessEnv,
  flags: readonly string[] = [],
  prepare: (server: ParleyProcess) => Promise<void> = async () => {},
): Promise<RunningServer> {
  const server = await startParleyWith(env, flags)
  try {
    await prepare(server)
    const users = await makePeople(server, assignment)
    return { driver: 'parley', pid: server.pid, users, stop: () => server.stop() }
  } catch (error) {
    await server.stop()
    throw error
  }
}

function emptyDatabase({ database }: Assignment): NodeJS.ProcessEnv {
  database.drop('parley')
  return { DATABASE_URL: database.create('parley') }
}

/** Parley over the measurement's database. */
export function startParley(assignment: Assignment): Promise<RunningServer> {
  return startFor(assignment, emptyDatabase(assignment))
}

/** Parley in two processes over the measurement's database. */
export function startParleyTwice(assignment: Assignment): Promise<RunningServer> {
  return startFor(assignment, emptyDatabase(assignment), ['--processes', '2'])
}

/** Parley with the database it brings along. */
export function startParleyEmbedded(assignment: Assignment): Promise<RunningServer> {
  return startFor(assignment, {}, [], ({ dataDir }) => writeLogAhead(connectionOf(dataDir)))
}

/** The same, sends over HTTP. */
export async function startParleyHttp(assignment: Assignment): Promise<RunningServer> {
  return { ...(await startParley(assignment)), driver: 'parley-http' }
}
