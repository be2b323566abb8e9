import { createTestDatabase } from '@parley/testing'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { openDatabase } from '../db/database.ts'
import { readBatches } from './change.service.ts'

const log = pino({ level: 'silent' })

test('G4 logs that are read together are each read from their own place, in order, the same one twice as well', async () => {
  const database = await createTestDatabase()
  const db = await openDatabase(database.connection, log)
  try {
    await database.query(`insert into workspaces (id, name) values ('w1', 'One'), ('w2', 'Two')`)
    await database.query(
      `insert into changes (workspace_id, conversation_id, seq, public_seq, type, actor_id, entity_id, audience)
       select w, c, n, n, 'participant-removed', 'ana', w || c || n, 'everyone'
       from unnest(array['w1', 'w2']) w, unnest(array['c1', 'c2']) c, generate_series(300, 1, -1) n`,
    )
    const asks = [
      { conversationId: 'c2', after: 297 },
      { conversationId: 'c1', after: 0 },
      { conversationId: 'none', after: 0 },
      { conversationId: 'c2', after: 299 },
    ]
    const batches = await readBatches({ db }, 'w1', asks)
    const found = batches.map(({ changes }) => changes.map((change) => change.entity_id))
    expect(found).toEqual([
      ['w1c2298', 'w1c2299', 'w1c2300'],
      Array.from({ length: 200 }, (_, index) => `w1c1${index + 1}`),
      [],
      ['w1c2300'],
    ])
    expect(batches.map(({ entities }) => entities.conversationId)).toEqual(['c2', 'c1', 'none', 'c2'])
  } finally {
    await db.close()
    await database.drop()
  }
})
