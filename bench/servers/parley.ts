import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createProgram } from '../../packages/testing/src/program.ts'
import type { LoadUser } from '../drivers/driver.ts'
import { pinTree, serverCores } from '../machine/processes.ts'
import { type Assignment, membersOf, type RunningServer, signToken } from './server.ts'

/** Performs an operation: `POST` with a body, `GET` without. */
export type Caller = <Output>(path: string, body?: object) => Promise<Output>

/** A Parley of the measurement's own, rate limits off. */
export interface ParleyProcess {
  readonly pid: number
  readonly port: number
  tokenOf(name: string): string
  /** Makes somebody known and answers how to call in that name. */
  person(name: string): Promise<Caller>
  stop(): Promise<void>
}

const workspace = 'bench'
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
 */
export async function startParleyWith(env: NodeJS.ProcessEnv): Promise<ParleyProcess> {
  const program = await createProgram(env)
  try {
    await program.start()
    pinTree(program.pid, serverCores)
  } catch (error) {
    await program.remove()
    throw error
  }
  const tokenOf = (name: string) =>
    signToken(program.config.jwt.secret ?? '', { sub: name, name, role: 'member', workspace, organization })
  return {
    pid: program.pid,
    port: Number(new URL(program.url).port),
    tokenOf,
    person: async (name) => {
      const token = tokenOf(name)
      await call(`${program.url}/api/me`, token)
      return (path, body) => call(`${program.url}/api/messaging${path}`, token, body)
    },
    stop: () => program.remove(),
  }
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

async function startFor(assignment: Assignment, env: NodeJS.ProcessEnv): Promise<RunningServer> {
  const server = await startParleyWith(env)
  try {
    const users = await makePeople(server, assignment)
    return { driver: 'parley', pid: server.pid, users, stop: () => server.stop() }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** Parley over the measurement's database. */
export function startParley(assignment: Assignment): Promise<RunningServer> {
  const { database } = assignment
  database.drop('parley')
  return startFor(assignment, { DATABASE_URL: database.create('parley') })
}

/** Parley with the database it brings along. */
export function startParleyEmbedded(assignment: Assignment): Promise<RunningServer> {
  return startFor(assignment, {})
}

/** The same, sends over HTTP. */
export async function startParleyHttp(assignment: Assignment): Promise<RunningServer> {
  return { ...(await startParley(assignment)), driver: 'parley-http' }
}
