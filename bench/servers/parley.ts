import { createProgram, type Program } from '../../packages/testing/src/program.ts'
import type { LoadUser } from '../drivers/driver.ts'
import { pinTree, serverCores } from '../machine/processes.ts'
import { type Assignment, membersOf, type RunningServer, signToken } from './server.ts'

const organization = { id: 'studio', name: 'Studio', kind: 'own' }

async function call(
  url: string,
  token: string,
  body?: object,
): Promise<Record<string, { conversation: { id: string } }>> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const init = body ? { method: 'POST', body: JSON.stringify(body), headers } : { headers }
  const answer = await fetch(url, init)
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as Record<string, { conversation: { id: string } }>
}

async function createConversation(program: Program, members: readonly LoadUser[]): Promise<string> {
  const [creator, ...others] = members
  const body = {
    kind: 'internal',
    participants: others.map(({ name }) => name),
    ...(others.length > 1 ? { subject: 'Everybody' } : { direct: true }),
  }
  const made = await call(`${program.url}/api/messaging/conversations`, creator?.token ?? '', body)
  return made.conversation?.conversation.id ?? ''
}

async function makePeople(program: Program, assignment: Assignment): Promise<LoadUser[]> {
  const secret = program.config.jwt.secret ?? ''
  const port = Number(new URL(program.url).port)
  const users = Array.from({ length: assignment.users }, (_, index): LoadUser => {
    const name = `u${index}`
    const token = signToken(secret, { sub: name, name, role: 'member', workspace: 'bench', organization })
    return { index, name, token, port, conversations: [] }
  })
  for (const { token } of users) await call(`${program.url}/api/me`, token)
  const placed: LoadUser[] = []
  for (const indexes of membersOf(assignment)) {
    const members = indexes.flatMap((index) => users[index] ?? [])
    const conversation = await createConversation(program, members)
    placed.push(...members.map((user) => ({ ...user, conversations: [conversation] })))
  }
  return placed
}

/** Starts Parley with its rate limits off, over the measurement's database. */
export async function startParley(assignment: Assignment): Promise<RunningServer> {
  const { database } = assignment
  database.drop('parley')
  const program = await createProgram({ DATABASE_URL: database.create('parley') })
  try {
    await program.start()
    pinTree(program.pid, serverCores)
    const users = await makePeople(program, assignment)
    return { driver: 'parley', pid: program.pid, users, stop: () => program.remove() }
  } catch (error) {
    await program.remove()
    throw error
  }
}

/** The same, sends over HTTP. */
export async function startParleyHttp(assignment: Assignment): Promise<RunningServer> {
  return { ...(await startParley(assignment)), driver: 'parley-http' }
}
