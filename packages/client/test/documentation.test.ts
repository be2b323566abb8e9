import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const document = readFile(join(root, 'docs/sdk.md'), 'utf8')

/** What an example that does not make its own client relies on. */
const given = `import type { ParleyClient } from '@parley/client'
declare const client: ParleyClient
declare const conversationId: string
`

function examplesOf(markdown: string): string[] {
  return [...markdown.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => {
    return code.includes('createClient(') ? code : `${given}${code}`
  })
}

test('every example of the SDK’s documentation compiles', async () => {
  const examples = examplesOf(await document)
  expect(examples.length).toBeGreaterThan(10)
  const folder = await mkdtemp(join(root, 'node_modules/.examples-'))
  try {
    await Promise.all(examples.map((code, index) => writeFile(join(folder, `example-${index}.ts`), code)))
    const compilerOptions = { noUnusedLocals: false, rootDir: root, typeRoots: [join(root, 'node_modules/@types')] }
    const config = { extends: join(root, 'tsconfig.json'), compilerOptions, include: ['*.ts'] }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const compile = promisify(execFile)(process.execPath, [tsc, '-p', folder], { cwd: folder })
    const { stdout } = await compile.catch((failure: { stdout: string }) => failure)
    expect(stdout).toBe('')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 120_000)

test.each(['api', 'selectors', 'rows'])('the SDK’s documentation names what src/%s.ts offers', async (name) => {
  const text = await document
  const read = (file: string) => readFile(join(root, `packages/client/src/${file}.ts`), 'utf8')
  const [source, index] = await Promise.all([read(name), read('index')])
  const mentions = (where: string, word: string) => new RegExp(`\\b${word}\\b`).test(where)
  const functions = [...source.matchAll(/^export function (\w+)/gm)].map(([, one = '']) => one)
  const members = name === 'api' ? [...source.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:]/gm)] : []
  const offered = [...functions.filter((one) => mentions(index, one)), ...members.map(([, one = '']) => one)]
  expect(offered.length).toBeGreaterThan(0)
  expect(offered.filter((one) => !mentions(text, one))).toEqual([])
})

test('every rule of the client has a test that bears its id', async () => {
  const rules = await readFile(join(root, 'docs/spec/client.md'), 'utf8')
  const ids = [...rules.matchAll(/^- \*\*(CL-\d+) /gm)].map(([, id = '']) => id)
  const files = (await readdir(import.meta.dirname)).filter((file) => file.endsWith('.test.ts'))
  const tests = await Promise.all(files.map((file) => readFile(join(import.meta.dirname, file), 'utf8')))
  const named = new Set(tests.flatMap((text) => [...text.matchAll(/['`](CL-\d+) /g)].map(([, id = '']) => id)))
  expect(new Set(ids).size).toBe(ids.length)
  expect([...named].sort()).toEqual([...ids].sort())
})
