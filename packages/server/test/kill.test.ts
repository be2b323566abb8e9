import { setTimeout as sleep } from 'node:timers/promises'
import {
  connectAsOwner,
  createProgram,
  type Program,
  people,
  startPostgres,
  type TestPostgres,
  urlOf,
} from '@parley/testing'
import type pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { connectionOf } from '../src/db/embedded.ts'
import { judgeLoad, startLoad } from './load.ts'

const kills = 10
const readyWithin = 5_000

let program: Program | undefined
let postgres: TestPostgres | undefined

afterEach(async () => {
  await program?.remove()
  postgres?.stop()
  program = undefined
  postgres = undefined
})

async function killUnderLoad(server: Program, connection: pg.ClientConfig): Promise<void> {
  await server.start()
  const load = await startLoad(await people(server))
  const times: number[] = []
  for (let round = 0; round < kills; round += 1) {
    await sleep(150 + ((round * 137) % 400))
    await server.end('SIGKILL')
    times.push(await server.start())
  }
  await sleep(300)
  expect(await judgeLoad(load, connection)).toEqual([])
  expect(Math.max(...times), `ready after ${times.map(Math.round).join(', ')} ms`).toBeLessThan(readyWithin)
  for (const writer of load.writers) expect(writer.acknowledgements.length).toBeGreaterThan(kills * 5)
  for (const reader of load.readers) expect(reader.connections).toBeGreaterThan(kills)
}

test(`G1 G2 G4 G6 the server is killed ${kills} times under load, with its own database: nothing lost, doubled, out of order or unread`, async () => {
  program = await createProgram()
  await killUnderLoad(program, connectionOf(program.dataDir))
}, 90_000)

test(`G1 G2 G4 G6 the server is killed ${kills} times under load, with an external database: nothing lost, doubled, out of order or unread`, async () => {
  postgres = startPostgres({ fsync: 'on' })
  const { host, user } = postgres.connection
  const owner = await connectAsOwner({ host: String(host), user: String(user), database: 'postgres' })
  await owner.query('create database parley', [])
  await owner.end()
  program = await createProgram({ DATABASE_URL: urlOf({ host: String(host), user: String(user), database: 'parley' }) })
  await killUnderLoad(program, { host: String(host), user: String(user), database: 'parley' })
}, 90_000)
