import { describe, expect, it } from 'vitest'
import { globals } from './globals.ts'
import { circles, unusedExports } from './graph.ts'
import { databaseUse, inner, libraries, packages, sliceDirection } from './layers.ts'
import { size } from './size.ts'
import { parseSource, type Rule, type Source } from './source.ts'

function sources(files: Record<string, string>): Source[] {
  return Object.entries(files).map(([path, text]) => parseSource('/project', path, text))
}

function findings(rule: Rule, files: Record<string, string>): string[] {
  return rule(sources(files)).map((each) => `${each.path}:${each.line} ${each.rule}`)
}

const server = 'packages/server/src'

describe('rules a machine checks', () => {
  it('RULE-1 files and functions keep their size', () => {
    const long = `export function f() {\n${'  g()\n'.repeat(60)}}\n`
    expect(findings(size, { [`${server}/a.ts`]: long })).toEqual([`${server}/a.ts:1 function-size`])
    expect(findings(size, { [`${server}/a.ts`]: 'const a = 1\n'.repeat(401) })).toEqual([`${server}/a.ts:1 file-size`])
    expect(findings(size, { [`${server}/a.test.ts`]: 'const a = 1\n'.repeat(401) })).toEqual([])
  })

  it('RULE-2 packages import only what lies below them', () => {
    const wrong = "import { createClient } from '@parley/client'"
    expect(findings(packages, { [`${server}/a.ts`]: wrong })).toHaveLength(1)
    expect(findings(packages, { 'packages/react/src/a.ts': wrong })).toEqual([])
    const border = "import { x } from '../../protocol/src/errors.ts'"
    expect(findings(packages, { [`${server}/a.ts`]: border })).toHaveLength(1)
  })

  it('RULE-3 slices use each other in one direction', () => {
    const file = `${server}/conversations/conversation.service.ts`
    expect(findings(sliceDirection, { [file]: "import { a } from '../messages/message.service.ts'" })).toHaveLength(1)
    expect(findings(sliceDirection, { [file]: "import { a } from '../users/user.service.ts'" })).toEqual([])
  })

  it('RULE-4 routes are mounted by server.ts alone', () => {
    const line = "import { a } from './messages/message.routes.ts'"
    expect(findings(sliceDirection, { [`${server}/realtime.ts`]: line })).toHaveLength(1)
    expect(findings(sliceDirection, { [`${server}/server.ts`]: line })).toEqual([])
  })

  it('RULE-5 Fastify, Socket.IO and the driver stay at the edges', () => {
    const file = `${server}/messages/message.service.ts`
    for (const name of ['fastify', '@fastify/cookie', 'socket.io', 'pg', 'kysely']) {
      expect(findings(libraries, { [file]: `import x from '${name}'` })).toHaveLength(1)
    }
  })

  it('RULE-6 routes and edges do not speak with the database', () => {
    const line = "import { statement } from '../db/database.ts'"
    expect(findings(databaseUse, { [`${server}/messages/message.routes.ts`]: line })).toHaveLength(1)
    expect(findings(databaseUse, { [`${server}/messages/message.service.ts`]: line })).toEqual([])
  })

  it('RULE-7 index.ts is a package entry and nothing else', () => {
    expect(findings(inner, { [`${server}/messages/index.ts`]: '' })).toHaveLength(1)
    expect(findings(inner, { [`${server}/a.ts`]: "import { a } from './index.ts'" })).toHaveLength(1)
  })

  it('RULE-8 no circles at run time', () => {
    const files = {
      'packages/a/src/a.ts': "import { b } from './b.ts'",
      'packages/a/src/b.ts': "import { a } from './a.ts'",
    }
    expect(findings(circles, files)).toHaveLength(1)
    const typed = { ...files, 'packages/a/src/b.ts': "import type { a } from './a.ts'" }
    expect(findings(circles, typed)).toEqual([])
  })

  it('RULE-9 every export is used, and not by tests alone', () => {
    const files = {
      'packages/a/src/a.ts': 'export const used = 1\nexport const unused = 2\n',
      'packages/a/src/b.ts': "import { used } from './a.ts'",
      'packages/a/src/a.test.ts': "import { unused } from './a.ts'",
    }
    expect(findings(unusedExports, files)).toEqual(['packages/a/src/a.ts:2 unused-export'])
  })

  it('RULE-10 environment, time and randomness are injected', () => {
    for (const code of ['process.env.PORT', 'Date.now()', 'new Date()', 'Math.random()', 'randomUUID()']) {
      expect(findings(globals, { [`${server}/a.ts`]: code })).toHaveLength(1)
    }
    expect(findings(globals, { [`${server}/a.ts`]: 'new Date(0)' })).toEqual([])
    expect(findings(globals, { [`${server}/config.ts`]: 'process.env.PORT' })).toEqual([])
  })
})
