import { awaitQuiet } from '../machine/processes.ts'
import { startParleyWith } from '../servers/parley.ts'
import { delayCells, delayColumns, timed } from './timing.ts'
import type { Workload } from './workload.ts'

const conversations = 500
const others = 100
const requests = 300

/** The first screen of somebody who is in 500 conversations: one request. */
export const screen: Workload = async (_, database) => {
  database.drop('parley')
  const server = await startParleyWith({ DATABASE_URL: database.create('parley') })
  try {
    const caller = await server.person('u0')
    for (let index = 1; index <= others; index++) await server.person(`u${index}`)
    for (let index = 0; index < conversations; index++) {
      await caller('/conversations', {
        kind: 'internal',
        participants: [`u${1 + (index % others)}`, `u${1 + ((index * 7 + 3) % others)}`],
        subject: `Conversation ${index}`,
        firstMessage: { clientKey: `first-message-${index}`, text: `Hello ${index}` },
      })
    }
    database.run('parley', '-c', 'analyze', '-c', 'checkpoint')
    await awaitQuiet()
    const delays = await timed(requests, [() => caller('/conversations')])
    return {
      title: `First screen of somebody in ${conversations} conversations`,
      columns: ['request', ...delayColumns],
      rows: delays.map((each) => ['the inbox', ...delayCells(each)]),
      raw: delays,
    }
  } finally {
    await server.stop()
  }
}
