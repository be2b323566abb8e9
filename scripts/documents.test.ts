import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')

async function documents(): Promise<string[]> {
  const inDocs = await readdir(join(root, 'docs'), { recursive: true })
  const atRoot = await readdir(root)
  return [...atRoot, ...inDocs.map((path) => join('docs', path))].filter((path) => path.endsWith('.md'))
}

function brokenLinks(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8')
  return [...text.matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !existsSync(join(root, dirname(path), target)))
    .map((target) => `${path}: ${target}`)
}

describe('documents', () => {
  it('DOC-1 every link inside the repository leads somewhere', async () => {
    const paths = await documents()
    expect(paths).toContain('README.md')
    expect(paths.flatMap(brokenLinks)).toEqual([])
  })

  it('DOC-2 the README names every variable that the configuration reads', () => {
    const config = readFileSync(join(root, 'packages/server/src/config.ts'), 'utf8')
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    const variables = [...config.matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(([, name = '']) => name)
    expect(variables).toContain('DATABASE_URL')
    expect(variables.filter((name) => !readme.includes(`\`${name}`))).toEqual([])
  })
})
