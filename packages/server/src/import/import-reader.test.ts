import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Fault, ImportLine } from './import-line.ts'
import { openImportFile } from './import-reader.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-import-'))
})

afterAll(() => rm(folder, { recursive: true }))

const latest = Date.parse('2026-01-01T00:00:00Z')
const said = { conversation: 'a', index: 0, at: '2004-11-15T12:18:00Z', author: 'tweaked', text: 'hello' }

async function read(content: string | Buffer): Promise<(ImportLine | Fault)[]> {
  const path = join(folder, 'file')
  await writeFile(path, content)
  const file = await openImportFile(path, latest)
  const lines: (ImportLine | Fault)[] = []
  for await (const line of file.lines) lines.push(line)
  expect(file.bytesRead()).toBe(file.size)
  return lines
}

async function faultOf(change: object): Promise<string> {
  const [line] = await read(JSON.stringify({ ...said, ...change }))
  return line && 'reason' in line ? line.reason : ''
}

describe('IMP2 what a line may hold', () => {
  test('a message, with the number of its line', async () => {
    const second = { ...said, index: 1, replyTo: 0 }
    expect(await read(`${JSON.stringify(said)}\n\n${JSON.stringify(second)}`)).toEqual([
      { ...said, line: 1, replyTo: null },
      { ...second, line: 3 },
    ])
  })

  test.each([
    ['empty text', { text: ' \n ' }, /^text: /],
    ['text over the limit', { text: 'x'.repeat(4001) }, /^text: /],
    ['text with NUL', { text: 'a\u0000b' }, /^text: /],
    ['half a character', { text: '\ud83d' }, /^text: /],
    ['no author', { author: undefined }, /^author: /],
    ['a line break in a name', { author: 'a\nb' }, /^author: /],
    ['a name over the limit', { author: 'x'.repeat(121) }, /^author: /],
    ['a blank conversation', { conversation: '  ' }, /^conversation: /],
    ['an index below 0', { index: -1 }, /^index: /],
    ['a broken index', { index: 1.5 }, /^index: /],
    ['a day that does not exist', { at: '2005-02-30T00:00:00Z' }, /^at: /],
    ['a time without a zone', { at: '2005-02-20T00:00:00' }, /^at: /],
    ['a time before 1970', { at: '0001-01-01T00:00:00Z' }, /^at: /],
    ['a time to come', { at: '2026-01-01T00:00:01Z' }, /^at: is in the future/],
    ['a reply to a name', { replyTo: 'tweaked' }, /^replyTo: /],
  ])('refuses %s', async (_, change, reason) => {
    expect(await faultOf(change)).toMatch(reason)
  })

  test('names stay as they are: with a space more it is another one', async () => {
    const lines = await read([said, { ...said, author: 'tweaked ' }].map((line) => JSON.stringify(line)).join('\n'))
    expect(lines.map((line) => 'author' in line && line.author)).toEqual(['tweaked', 'tweaked '])
  })

  test('every fault of a line in one reason', async () => {
    expect(await faultOf({ text: '', author: 1 })).toMatch(/^author: .*; text: /)
  })
})

describe('IMP3 a bad line stops nothing', () => {
  const good = JSON.stringify(said)

  test('what is not JSON, not an object, not UTF-8 or too long', async () => {
    const bad = ['{"conversation": "a"', '7', Buffer.from([0x22, 0xff, 0x22]), `"${'x'.repeat(300_000)}"`]
    const content = bad.flatMap((line) => [Buffer.from(line), Buffer.from('\n'), Buffer.from(`${good}\r\n`)])
    const lines = await read(Buffer.concat(content))
    expect(lines.filter((line) => 'text' in line).map(({ line }) => line)).toEqual([2, 4, 6, 8])
    expect(lines.filter((line) => 'reason' in line)).toMatchObject([
      { line: 1, reason: 'not JSON' },
      { line: 3 },
      { line: 5, reason: 'not UTF-8' },
      { line: 7, reason: 'longer than 256 KiB' },
    ])
  })

  test('a line separator inside of a text is no line break', async () => {
    const text = 'one\u2028two\u0085three'
    expect(await read(JSON.stringify({ ...said, text }))).toMatchObject([{ text }])
  })
})

describe('IMP1 plain and gzip', () => {
  const content = Array.from({ length: 5000 }, (_, index) => JSON.stringify({ ...said, index })).join('\n')

  test('gzip is known by its first bytes', async () => {
    expect(await read(gzipSync(content))).toEqual(await read(content))
  })

  test('a file cut off in the middle gives what is whole, and says where it breaks', async () => {
    const whole = gzipSync(content)
    const lines = await read(whole.subarray(0, whole.length - 500))
    expect(lines.length).toBeGreaterThan(100)
    expect(lines.at(-1)).toMatchObject({ line: lines.length, reason: expect.stringMatching(/damaged/) })
  })

  test('an empty file has no lines', async () => {
    expect(await read('')).toEqual([])
  })

  test('a file that is not there is an error of the system', async () => {
    await expect(openImportFile(join(folder, 'nothing'), latest)).rejects.toThrow(/ENOENT/)
  })
})
