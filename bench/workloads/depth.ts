import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { awaitQuiet } from '../machine/processes.ts'
import { runParley, startParleyWith } from '../servers/parley.ts'
import { delayCells, delayColumns, timed } from './timing.ts'
import type { Workload } from './workload.ts'

const messages = 1_000_000
const requests = 300
const reader = 'u0'
/** Each page is another one, so that none is read from what the last one left behind. */
const step = 3
/** Where pages are read, as a share of the conversation from its beginning. */
const places = [1, 0.9, 0.5, 0.1, 0.001] as const

async function writeHistory(path: string): Promise<void> {
  const file = createWriteStream(path)
  const begun = Date.UTC(2024, 0, 1)
  for (let index = 0; index < messages; index++) {
    const at = new Date(begun + index * 10_000).toISOString()
    const author = `Person ${index % 20}`
    const line = { conversation: 'long', index, at, author, text: `Message ${index} ${'x'.repeat(80)}` }
    if (!file.write(`${JSON.stringify(line)}\n`)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'close')
}

/** Pages of 50 at several depths of a conversation of a million messages, which came by `parley import`. */
export const depth: Workload = async (_, database) => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'))
  database.drop('parley')
  const env = { DATABASE_URL: database.create('parley') }
  const server = await startParleyWith(env)
  try {
    const caller = await server.person(reader)
    await writeHistory(join(folder, 'long.jsonl'))
    const args = ['import', join(folder, 'long.jsonl'), '--participant', reader, '--workspace', 'bench']
    await runParley(args, { ...env, PARLEY_DATA_DIR: folder })
    database.run('parley', '-c', 'checkpoint')
    const { items } = await caller<{ items: { conversation: { id: string }; seq: number }[] }>('/conversations')
    const [{ conversation, seq } = { conversation: { id: '' }, seq: 0 }] = items
    const pageAt = (place: number) => (number: number) => {
      const before = Math.max(51, Math.trunc(seq * place) - number * step) + 1
      return caller(`/conversations/${conversation.id}/messages?limit=50&before=${before}`)
    }
    await awaitQuiet()
    const delays = await timed(requests, places.map(pageAt))
    return {
      title: `A page of 50 in a conversation of ${messages.toLocaleString('en')} messages`,
      columns: ['place', ...delayColumns],
      rows: delays.map((each, index) => [`${(places[index] ?? 0) * 100} %`, ...delayCells(each)]),
      raw: delays,
    }
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
