import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const rule = /SEC-\d+/g

/** The rules that names of the server's tests bear. */
async function tested(): Promise<Set<string>> {
  const paths = await readdir(join(root, 'packages/server'), { recursive: true })
  const tests = paths.filter((path) => path.endsWith('.test.ts') && !path.includes('node_modules'))
  const texts = tests.map((path) => readFileSync(join(root, 'packages/server', path), 'utf8'))
  return new Set(texts.flatMap((text) => text.match(rule) ?? []))
}

test('DOC-3 every rule of access has its test, and every such test its rule', async () => {
  const text = readFileSync(join(root, 'docs/spec/access.md'), 'utf8')
  const ruled = new Set(text.match(rule))
  expect(ruled.size).toBeGreaterThan(60)
  expect([...ruled].sort()).toEqual([...(await tested())].sort())
})
