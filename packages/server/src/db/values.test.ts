import { createTestDatabase, seeded, type TestDatabase } from '@parley/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isoTime, textOf } from './values.ts'

let database: TestDatabase
let client: pg.Client

beforeAll(async () => {
  database = await createTestDatabase()
  client = new pg.Client({ ...database.connection, options: '-c TimeZone=UTC' })
  await client.connect()
})

afterAll(async () => {
  await client.end()
  await database.drop()
})

async function through<Value>(type: string, values: readonly Value[]): Promise<unknown> {
  const { rows } = await client.query(`select to_jsonb($1::${type}[]) as found`, [textOf(values)])
  return rows[0].found
}

test('lists of texts come through, whatever is in them', async () => {
  const random = seeded(Math.floor(Math.random() * 2 ** 32))
  const pieces = ['"', '\\', ',', '{', '}', 'NULL', 'null', ' ', '\n', '\t', "'", 'é', '👩‍💻', '\u2028', 'a', '$1', '']
  const texts = Array.from({ length: 500 }, () =>
    Array.from({ length: random.below(8) }, () => random.pick(pieces) ?? '').join(''),
  )
  expect(await through('text', [...texts, null, 'NULL', ''])).toEqual([...texts, null, 'NULL', ''])
})

test('lists of numbers, of truths, of times and of nothing come through', async () => {
  expect(await through('bigint', [0, -1, Number.MAX_SAFE_INTEGER, null])).toEqual([
    0,
    -1,
    Number.MAX_SAFE_INTEGER,
    null,
  ])
  expect(await through('boolean', [true, false])).toEqual([true, false])
  expect(await through('text', [])).toEqual([])
  expect(await through('timestamptz', [new Date(0)])).toEqual(['1970-01-01T00:00:00+00:00'])
})

test('times are read as the language reads them', async () => {
  const times = ['2026-01-31 09:05:00+00', '2026-01-31 09:05:00.1+00', '1999-12-31 23:59:59.987+00', '2026-06-01']
  const { rows } = await client.query('select t::text as text, t from unnest($1::timestamptz[]) t', [textOf(times)])
  for (const { text, t } of rows) expect(isoTime(text)).toBe(t.toISOString())
  expect(isoTime('2026-01-31 09:05:00.123999+00')).toBe('2026-01-31T09:05:00.123Z')
})
