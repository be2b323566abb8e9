import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ErrorCode, errors, isErrorCode, operations, ParleyError } from '@parley/protocol'
import { expect, test } from 'vitest'

const codes = Object.keys(errors) as ErrorCode[]
const page = readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8')
const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (\w+) \| (.+?) \|/gm)]

test('P5 every error code is documented with its status, retry and meaning, and no other', () => {
  const documented = rows.map(([, code, status, retry, meaning]) => [code, { status: Number(status), retry, meaning }])
  expect(Object.fromEntries(documented)).toEqual(errors)
  expect(documented).toHaveLength(codes.length)
})

test('P5 every error code is answered by some operation, and operations answer no other', () => {
  const listed = new Set(Object.values(operations).flatMap((operation) => operation.errors))
  expect(listed).toEqual(new Set(codes))
})

test('P6 a status says what kind of error it is: what may be tried again is 401, 429 or of the server', () => {
  for (const [code, { status, retry }] of Object.entries(errors)) {
    expect(status, code).toBeGreaterThanOrEqual(400)
    expect(status, code).toBeLessThan(600)
    if (retry === 'after') expect(status === 429 || status >= 500, code).toBe(true)
    if (retry === 'reconnect') expect(status, code).toBe(401)
  }
})

test.each(codes)('P6 %s: the error carries its row of the table', (code) => {
  const error = new ParleyError(code, undefined, { retryAfter: 1 })
  expect(error).toMatchObject({ code, name: 'ParleyError', message: errors[code].meaning, details: { retryAfter: 1 } })
  expect([error.status, error.retry]).toEqual([errors[code].status, errors[code].retry])
})

test('P6 only what is in the table is a code', () => {
  for (const code of codes) expect(isErrorCode(code)).toBe(true)
  for (const other of ['', 'toString', '__proto__', 'constructor', 404, null, undefined, {}])
    expect(isErrorCode(other)).toBe(false)
})
