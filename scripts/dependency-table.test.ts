import { describe, expect, it } from 'vitest'
import { countTransitive, dependencyPage, samePage } from './dependency-table.ts'

const lock = {
  'packages/a': { dependencies: { one: '1', '@parley/b': '1' } },
  'packages/b': { dependencies: { two: '1' } },
  'node_modules/@parley/b': { link: true, resolved: 'packages/b' },
  'node_modules/one': { dependencies: { deep: '1' }, optionalDependencies: { 'one-linux': '1', 'one-win32': '1' } },
  'node_modules/two': { dependencies: { deep: '1' } },
  'node_modules/deep': { dependencies: { one: '1' } },
  'node_modules/one-linux': { os: ['linux'] },
  'node_modules/one-win32': { os: ['win32'] },
  'node_modules/unrelated': {},
}

function row(size: number, version = '1.0.0') {
  return { name: 'one', version, licence: 'MIT', usedBy: ['a'], reason: 'because', size }
}

describe('the list of dependencies', () => {
  it('DEP-1 counts what comes along once, circles and workspaces included', () => {
    expect(countTransitive(lock, ['packages/a', 'packages/b'])).toEqual({ packages: 1, builds: 2 })
  })

  it('DEP-2 is current when all but the sizes agree', () => {
    const transitive = { packages: 1, builds: 0 }
    const page = dependencyPage([row(1500)], transitive)
    expect(page).toContain('| one | 1.0.0 | MIT | 2 kB | a | because |')
    expect(samePage(page, dependencyPage([row(4_200_000)], transitive))).toBe(true)
    expect(samePage(page, dependencyPage([row(1500, '1.0.1')], transitive))).toBe(false)
  })
})
