import { describe, expect, it } from 'vitest'
import { circles } from './circles.ts'
import { database } from './database.ts'
import { declared } from './declared.ts'
import { globals } from './globals.ts'
import { innerIndex } from './inner-index.ts'
import { libraries } from './libraries.ts'
import { packageDirection } from './package-direction.ts'
import { parseSource } from './parse-source.ts'
import { roleDirection } from './role-direction.ts'
import { fileSize, functionSize } from './sizes.ts'
import { sliceDirection } from './slice-direction.ts'
import type { Rule } from './source.ts'
import { unusedExports } from './unused-exports.ts'

function findings(rule: Rule, files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([path, text]) => parseSource('/project', path, text))
  return rule(sources).map(({ path, line, rule: name }) => `${path}:${line} ${name}`)
}

function importing(rule: Rule, path: string, specifier: string, type = ''): number {
  return findings(rule, { [path]: `import ${type} { a } from '${specifier}'` }).length
}

const server = 'packages/server/src'
const react = 'packages/react/src'

describe('rules a machine checks', () => {
  it('RULE-1 files keep their size, tests have twice of it', () => {
    expect(findings(fileSize, { 'packages/a/src/a.ts': 'a()\n'.repeat(401) })).toEqual([
      'packages/a/src/a.ts:1 file-size',
    ])
    expect(findings(fileSize, { 'packages/a/src/a.ts': 'a()\n'.repeat(400) })).toEqual([])
    expect(findings(fileSize, { 'packages/styles/src/a.css': '\n'.repeat(401) })).toHaveLength(1)
    expect(findings(fileSize, { 'packages/a/src/a.test.ts': 'a()\n'.repeat(800) })).toEqual([])
    expect(findings(fileSize, { 'packages/a/src/a.test.ts': 'a()\n'.repeat(801) })).toHaveLength(1)
  })

  it('RULE-2 functions have 50 lines, components 100, hooks no more than other functions', () => {
    const body = (lines: number) => `() {\n${'  g()\n'.repeat(lines - 2)}}\n`
    const inFile = (path: string, text: string) => findings(functionSize, { [path]: text }).length
    expect(inFile('packages/a/src/a.ts', `export function f${body(51)}`)).toBe(1)
    expect(inFile('packages/a/src/a.ts', `export function f${body(50)}`)).toBe(0)
    expect(inFile('packages/a/src/A.tsx', `export function A${body(100)}`)).toBe(0)
    expect(inFile('packages/a/src/A.tsx', `export function A${body(101)}`)).toBe(1)
    expect(inFile('packages/a/src/A.tsx', `export const A = memo(function A${body(100)})`)).toBe(0)
    expect(inFile('packages/a/src/A.tsx', `export function useA${body(51)}`)).toBe(1)
    expect(inFile('packages/a/src/a.test.ts', `function f${body(60)}`)).toBe(0)
  })

  it('RULE-3 packages import only what lies below them, by name', () => {
    expect(importing(packageDirection, `${server}/a.ts`, '@parley/client')).toBe(1)
    expect(importing(packageDirection, `${react}/a.ts`, '@parley/client')).toBe(0)
    expect(importing(packageDirection, `${react}/a.ts`, '@parley/testing')).toBe(1)
    expect(importing(packageDirection, `${react}/a.test.ts`, '@parley/testing')).toBe(0)
    expect(importing(packageDirection, 'packages/client/src/a.ts', '@parley/react')).toBe(1)
    expect(importing(packageDirection, 'apps/web/src/a.ts', '@parley/server')).toBe(1)
    expect(importing(packageDirection, `${server}/a.ts`, '../../protocol/src/errors.ts')).toBe(1)
    expect(importing(packageDirection, 'packages/unheard-of/src/a.ts', 'zod')).toBe(1)
  })

  it('RULE-4 slices use each other in one direction, and only what is made for others', () => {
    const file = `${server}/conversations/conversation.service.ts`
    expect(importing(sliceDirection, file, '../messages/message.service.ts')).toBe(1)
    expect(importing(sliceDirection, file, '../users/user.service.ts')).toBe(0)
    expect(importing(sliceDirection, file, '../users/names.ts')).toBe(1)
    expect(importing(sliceDirection, file, './names.ts')).toBe(0)
    expect(importing(sliceDirection, `${server}/unheard-of/a.service.ts`, 'zod')).toBe(1)
  })

  it('RULE-5 roles use each other from the outside in', () => {
    expect(importing(roleDirection, `${server}/realtime.ts`, './messages/message.routes.ts')).toBe(1)
    expect(importing(roleDirection, `${server}/server.ts`, './messages/message.routes.ts')).toBe(0)
    expect(importing(roleDirection, `${server}/messages/message.service.ts`, '../http.ts')).toBe(1)
    expect(importing(roleDirection, `${server}/messages/message.service.ts`, '../http.ts', 'type')).toBe(0)
    expect(importing(roleDirection, `${server}/messages/message.policy.ts`, './message.service.ts')).toBe(1)
    expect(importing(roleDirection, `${server}/messages/message.service.ts`, './message.policy.ts')).toBe(0)
    expect(importing(roleDirection, `${server}/write.ts`, './messages/message.service.ts')).toBe(1)
    expect(importing(roleDirection, `${server}/server.ts`, './cli/start.ts')).toBe(1)
  })

  it('RULE-6 Fastify, Socket.IO and the driver stay at their edges', () => {
    const edge = (path: string, library: string) => importing(libraries, `${server}/${path}`, library)
    for (const library of ['fastify', '@fastify/cookie', 'socket.io']) {
      expect(edge('messages/message.service.ts', library)).toBe(1)
      expect(edge('messages/message.routes.ts', library)).toBe(1)
    }
    for (const library of ['pg', 'kysely', 'kysely/migration']) {
      expect(edge('messages/message.routes.ts', library)).toBe(1)
      expect(edge('messages/message.service.ts', library)).toBe(0)
    }
    expect([edge('http-headers.ts', 'fastify'), edge('realtime-readers.ts', 'socket.io')]).toEqual([0, 0])
    expect(edge('db/database.ts', 'pg-pool')).toBe(0)
  })

  it('RULE-7 the interface knows types of the protocol, no values and no socket', () => {
    expect(importing(libraries, `${react}/a.tsx`, '@parley/protocol')).toBe(1)
    expect(importing(libraries, `${react}/a.tsx`, '@parley/protocol', 'type')).toBe(0)
    expect(importing(libraries, `${react}/a.tsx`, 'socket.io-client')).toBe(1)
    expect(importing(libraries, 'packages/client/src/socket.ts', 'socket.io-client')).toBe(0)
  })

  it('RULE-8 routes and edges do not speak with the database', () => {
    expect(importing(database, `${server}/messages/message.routes.ts`, '../db/database.ts')).toBe(1)
    expect(importing(database, `${server}/realtime.ts`, './db/database.ts')).toBe(1)
    expect(importing(database, `${server}/messages/message.service.ts`, '../db/database.ts')).toBe(0)
    expect(findings(database, { [`${server}/messages/message.routes.ts`]: 'run(context.db)' })).toHaveLength(1)
    expect(findings(database, { [`${server}/messages/message.routes.ts`]: 'const { db } = context' })).toHaveLength(1)
  })

  it('RULE-9 index.ts is the entry of a package and nothing else', () => {
    expect(findings(innerIndex, { [`${server}/messages/index.ts`]: '' })).toHaveLength(1)
    expect(findings(innerIndex, { [`${server}/index.ts`]: '' })).toEqual([])
    expect(importing(innerIndex, `${server}/a.ts`, './index.ts')).toBe(1)
  })

  it('RULE-10 what is imported is declared, and shipped where the importing file is', () => {
    const rule = declared((folder) =>
      folder === ''
        ? { devDependencies: { vitest: '1' } }
        : { dependencies: { zod: '1' }, devDependencies: { vue: '1' } },
    )
    expect(importing(rule, `${server}/a.ts`, 'zod/mini')).toBe(0)
    expect(importing(rule, `${server}/a.ts`, 'node:fs')).toBe(0)
    for (const name of ['vue', 'vitest', '@other/zod']) expect(importing(rule, `${server}/a.ts`, name)).toBe(1)
    for (const name of ['zod', 'vue', 'vitest']) expect(importing(rule, `${server}/a.test.ts`, name)).toBe(0)
  })

  it('RULE-11 no circles at run time', () => {
    const files = {
      'packages/a/src/a.ts': "import { b } from './b.ts'",
      'packages/a/src/b.ts': "export { c } from './c.ts'",
      'packages/a/src/c.ts': "import { type a } from './a.ts'",
    }
    expect(findings(circles, files)).toEqual(['packages/a/src/a.ts:1 circle'])
    expect(findings(circles, { ...files, 'packages/a/src/c.ts': "import type { a } from './a.ts'" })).toEqual([])
  })

  it('RULE-12 every export is used, and not by tests alone', () => {
    const files = {
      'packages/a/src/a.ts': 'export const used = 1\nexport const unused = 2\nexport const { tested } = x\n',
      'packages/a/src/b.ts': "import { used as other } from './a.ts'",
      'packages/a/src/a.test.ts': "import { tested } from './a.ts'",
    }
    expect(findings(unusedExports, files)).toEqual([
      'packages/a/src/a.ts:2 unused-export',
      'packages/a/src/a.ts:3 unused-export',
    ])
    const entry = { ...files, 'packages/a/src/index.ts': "export { unused, tested } from './a.ts'" }
    expect(findings(unusedExports, entry)).toEqual([])
    expect(findings(unusedExports, { ...files, 'packages/a/src/b.ts': "export * from './a.ts'" })).toEqual([])
  })

  it('RULE-13 a type may be exported for the exports that speak of it', () => {
    const type = 'export interface Options { readonly a: number }\n'
    const file = 'packages/a/src/a.ts'
    const user = { 'packages/a/src/index.ts': "export { f } from './a.ts'" }
    expect(findings(unusedExports, { ...user, [file]: `${type}export function f(o: Options) {}` })).toEqual([])
    expect(
      findings(unusedExports, { ...user, [file]: `${type}export function f() {}\nfunction g(o: Options) {}` }),
    ).toHaveLength(1)
  })

  it('RULE-14 environment, time and randomness are injected', () => {
    const inFile = (path: string, code: string) => findings(globals, { [path]: code }).length
    const taken = ['process.env.PORT', 'Date.now()', 'new Date()', 'new Date', 'Math.random()', 'crypto.randomUUID()']
    for (const code of taken) expect(inFile(`${server}/a.ts`, code)).toBe(1)
    expect(inFile(`${server}/a.ts`, "import { randomBytes } from 'node:crypto'")).toBe(1)
    expect(inFile(`${server}/ids.ts`, "import { randomBytes } from 'node:crypto'")).toBe(0)
    expect(inFile(`${server}/a.ts`, 'new Date(0)')).toBe(0)
    expect(inFile(`${server}/config.ts`, 'process.env.PORT')).toBe(0)
    expect(inFile('packages/client/src/clock.ts', 'Date.now()')).toBe(0)
    expect(inFile(`${server}/a.test.ts`, 'Date.now()')).toBe(0)
  })
})
