import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fault, Trial } from '../fault.ts'
import { mayMount } from '../stage/small-disk.ts'

const recoversWithin = 5_000
const parley = join(import.meta.dirname, '../../packages/server/bin/parley.js')

/** The disk of the database has no byte left, for a while. */
async function fillDisk({ stage, workload, wait, short, expect, note }: Trial): Promise<void> {
  const { postgres } = stage
  await wait(1)
  const begun = performance.now()
  postgres.fillDisk()
  await wait(short ? 4 : 20)
  postgres.freeDisk()
  await postgres.revive()
  const refused = new Map<number, number>()
  for (const { refusals } of workload.writers) {
    for (const [status, often] of refusals) refused.set(status, (refused.get(status) ?? 0) + often)
  }
  expect(refused.size > 0, 'nobody met the full disk')
  expect(
    [...refused.keys()].every((status) => status === 503 || status === 507),
    `answers: ${[...refused.keys()]}`,
  )
  const known = workload.answers(begun, performance.now()).length
  note(`refused ${[...refused].map(([status, often]) => `${status} x ${often}`)}, ${known} sends known meanwhile`)
}

/** Every line of a copy is whole, and every message its log tells of is there. */
const brokenLines = `select c.id from parley.conversations c
  join lateral (select count(*) as count, max(seq) as head from parley.changes where conversation_id = c.id) line on true
  where line.count <> c.seq or line.head <> c.seq or exists (
    select from parley.changes x where x.conversation_id = c.id and x.type = 'new-message'
      and not exists (select from parley.messages m where m.id = x.entity_id))`

async function epochOf({ stage }: Trial): Promise<string> {
  const owner = await stage.owner()
  const [row] = await owner.query<{ epoch: string }>('select epoch from parley.installation', [])
  await owner.end()
  return row?.epoch ?? ''
}

/** A copy is made while everybody writes, and brought back when they have written on. */
async function restoreOlder(trial: Trial): Promise<void> {
  const { stage, workload, wait, short, expect, note } = trial
  const { postgres, nodes } = stage
  const file = join(tmpdir(), `parley-backup-${process.pid}`)
  const tool = (name: string, ...args: string[]) =>
    execFileSync(join(postgres.programs, name), [
      '-h',
      '127.0.0.1',
      '-p',
      String(postgres.port),
      '-U',
      'postgres',
      ...args,
    ])
  await wait(4)
  const begun = performance.now()
  tool('pg_dump', '-Fc', '-f', file, 'parley')
  await wait(short ? 2 : 10)
  await Promise.all(nodes.map((node) => node.end('SIGTERM')))
  const epoch = await epochOf(trial)
  await postgres.run('postgres', 'drop database parley with (force)')
  await postgres.run('postgres', 'create database parley')
  tool('pg_restore', '-d', 'parley', file)
  rmSync(file)
  const owner = await stage.owner()
  const broken = await owner.query<{ id: string }>(brokenLines, [])
  await owner.end()
  const settings = { DATABASE_URL: postgres.url('parley'), PARLEY_DATA_DIR: nodes[0]?.dataDir }
  execFileSync(process.execPath, [parley, 'restored'], { env: { PATH: process.env.PATH, ...settings }, stdio: 'pipe' })
  const forgiven = workload.forgive(begun, performance.now())
  await Promise.all(nodes.map((node) => node.start()))
  await workload.recovered()
  expect(broken.length === 0, `the copy is not consistent in ${broken.map(({ id }) => id)}`)
  expect((await epochOf(trial)) !== epoch, 'the epoch is the same after a restore')
  const stale = workload.readers.filter(({ resyncs }) => resyncs === 0)
  expect(stale.length === 0, `${stale.length} readers did not start over`)
  note(`${forgiven} messages were written after the copy, and went with the restore`)
}

export const storageFaults: readonly Fault[] = [
  {
    name: 'disk-full',
    title: 'disk full for the database',
    promise: '503 or 507, nothing partial, recovers with space',
    needs: { nodes: 2, diskMegabytes: 220 },
    hindrance: () => (mayMount() ? undefined : 'a small disk can be mounted by root only'),
    recoversWithin,
    strike: fillDisk,
  },
  {
    name: 'restore',
    title: 'backup while writing, restore of an older one',
    promise: 'consistent copy; epoch changes, every client resyncs, nothing doubled',
    needs: { nodes: 2, redis: true },
    recoversWithin,
    strike: restoreOlder,
  },
]
