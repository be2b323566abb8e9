import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { startEmbedded } from './embedded.ts'

const log = pino({ level: 'silent' })

async function sessionsWith(processes: number): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-embedded-'))
  const embedded = await startEmbedded(dataDir, log, processes)
  const client = new pg.Client(embedded.connection)
  try {
    await client.connect()
    const { rows } = await client.query("select current_setting('max_connections')::int as sessions")
    return rows[0].sessions
  } finally {
    await client.end()
    await embedded.stop()
    rmSync(dataDir, { recursive: true })
  }
}

test('RUN-8 the embedded database takes all sessions that the processes of its server may ask for', async () => {
  expect(await sessionsWith(1)).toBe(100)
  expect(await sessionsWith(8)).toBe(180)
})
