import { connect } from 'node:net'
import { newKey } from '../../packages/testing/src/builders.ts'
import { openRawAs } from '../../packages/testing/src/raw-socket.ts'
import { sendRaw } from '../../packages/testing/src/request.ts'
import type { Seeded } from '../../packages/testing/src/seeded.ts'
import type { Fault, Trial } from '../fault.ts'
import { startSquare } from '../workload/square.ts'

const recoversWithin = 5_000
const times = 20

/** Every message is sent twenty times, in any order, at once and later, to either node. */
async function duplicate({ stage, seeded, short, wait, expect, note }: Trial): Promise<void> {
  const square = await startSquare(stage, 10)
  const { conversationId } = square
  const keys = Array.from({ length: short ? 20 : 200 }, () => newKey())
  const sends = seeded.shuffled(keys.flatMap((clientKey) => Array.from({ length: times }, () => clientKey)))
  const answers = new Map<string, Set<string>>()
  while (sends.length > 0) {
    await Promise.all(
      sends.splice(0, times).map(async (clientKey) => {
        const input = { conversationId, clientKey, text: clientKey }
        const { status, text } = await square.speaker.ask('sendMessage', input, seeded.below(2))
        const known = status === 200 ? JSON.parse(text).message : { id: status, seq: text }
        answers.set(clientKey, (answers.get(clientKey) ?? new Set()).add(`${known.id} at ${known.seq}`))
      }),
    )
    await wait(0.05)
  }
  const owner = await stage.owner()
  const [row] = await owner.query<{ count: number }>(
    'select count(*) as count from parley.messages where conversation_id = $1 and client_key like $2',
    [conversationId, 'k-%'],
  )
  await owner.end()
  const torn = [...answers.values()].filter(({ size }) => size !== 1)
  expect(torn.length === 0, `doubled: ${[...(torn[0] ?? [])]}`)
  expect(row?.count === keys.length, `doubled: ${row?.count} messages of ${keys.length} keys`)
  note(`${keys.length * times} requests made ${row?.count} messages`)
}

/** A text with some of its bytes changed, left out or repeated. */
function mutate(text: string, seeded: Seeded): string {
  let mutated = text
  for (let change = 0; change <= seeded.below(4); change += 1) {
    const at = seeded.below(mutated.length + 1)
    const piece =
      seeded.pick([
        '',
        '\0',
        '"',
        '{',
        '}',
        '[',
        '\\',
        '9e999',
        '-1',
        'null',
        '字',
        '\ud800',
        mutated.slice(at, at + 9),
      ]) ?? ''
    mutated = `${mutated.slice(0, at)}${piece}${mutated.slice(at + seeded.below(3))}`
  }
  return mutated
}

const oversized = 300_000

async function malform({ stage, seeded, short, expect, note }: Trial): Promise<void> {
  const [first] = stage.nodes
  const url = first?.url ?? ''
  const square = await startSquare(stage, 1)
  const body = JSON.stringify({ conversationId: square.conversationId, clientKey: newKey(), text: 'as it should be' })
  const headers = { authorization: `Bearer ${square.speaker.token}`, 'content-type': 'application/json' }
  const path = `/api/messaging/conversations/${square.conversationId}/messages`
  const seen = new Map<number, number>()
  const count = short ? 200 : 10_000
  for (let index = 0; index < count; index += 1) {
    const text = index % 500 === 0 ? 'x'.repeat(oversized) : mutate(body, seeded)
    const [answer] = await Promise.allSettled([sendRaw(url, { method: 'POST', path, headers, body: text })])
    const status = answer.status === 'fulfilled' ? answer.value.status : 0
    seen.set(status, (seen.get(status) ?? 0) + 1)
  }
  for (let index = 0; index < count / 20; index += 1) {
    const socket = await openRawAs(url, square.speaker.token)
    socket.send({ payload: mutate('420["resume",{"epoch":null,"cursors":{}}]', seeded), opcode: 1 + seeded.below(3) })
    socket.destroy()
    if (index % 10 === 0) connect(Number(new URL(url).port), '127.0.0.1').end(mutate('GET / HTTP/1.1\r\n\r\n', seeded))
  }
  const bad = [...seen.keys()].filter((status) => status >= 500 || status === 0)
  expect(bad.length === 0, `answers to malformed requests: ${bad}`)
  expect((await fetch(`${url}/healthz`)).status === 200, 'the server is gone')
  note(
    `answers: ${[...seen]
      .sort(([a], [b]) => a - b)
      .map(([status, often]) => `${status} x ${often}`)
      .join(', ')}`,
  )
}

export const requestFaults: readonly Fault[] = [
  {
    name: 'duplicates',
    title: `duplicate retries x ${times}, reordered, on either node`,
    promise: 'G2',
    needs: { nodes: 2, redis: true },
    recoversWithin,
    strike: duplicate,
  },
  {
    name: 'malformed',
    title: 'oversized and malformed input, 10,000 mutations',
    promise: '4xx, no 5xx, no crash',
    needs: { nodes: 2, redis: true },
    recoversWithin,
    strike: malform,
  },
]
