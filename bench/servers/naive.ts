import { join } from 'node:path'
import { freePort } from '../../packages/testing/src/program.ts'
import { endChild, startPinned, untilAnswers } from './child.ts'
import { type Assignment, membersOf, type RunningServer, signToken } from './server.ts'

const secret = 'secret of the naive server'

/** Starts the naive server. */
export async function startNaive(assignment: Assignment): Promise<RunningServer> {
  const { database } = assignment
  const port = await freePort()
  database.drop('naive')
  const members = membersOf(assignment)
  const env = {
    PATH: process.env.PATH,
    PORT: String(port),
    DATABASE_URL: database.create('naive'),
    SECRET: secret,
    MEMBERS: JSON.stringify(members),
  }
  const child = startPinned(process.execPath, [join(import.meta.dirname, 'naive-program.ts')], env)
  await untilAnswers(child, `http://127.0.0.1:${port}/`)
  const users = members.flatMap((indexes, conversation) =>
    indexes.map((index) => {
      const name = `u${index}`
      return { index, name, token: signToken(secret, { sub: name }), port, conversations: [`c${conversation}`] }
    }),
  )
  return { driver: 'naive', pid: child.pid ?? 0, users, stop: () => endChild(child) }
}
