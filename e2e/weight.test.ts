import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'

const assets = join(import.meta.dirname, '../apps/web/dist/assets')
const heaviest = 200_000

it('UI-57 the program of the page carries no validator and weighs at most 200 kB packed', () => {
  const programs = readdirSync(assets).filter((name) => name.endsWith('.js'))
  const bytes = programs.map((name) => readFileSync(join(assets, name)))
  expect(programs.length).toBeGreaterThan(0)
  for (const program of bytes) expect(program.includes('_zod')).toBe(false)
  expect(bytes.reduce((total, program) => total + gzipSync(program).length, 0)).toBeLessThan(heaviest)
})
