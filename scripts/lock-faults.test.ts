import { describe, expect, it } from 'vitest'
import { type Lock, type LockEntry, lockFaults, resolveEntry } from './lock-faults.ts'

const integrity = 'sha512-a'

function build(os: string, cpu: string, libc?: string): LockEntry {
  return { integrity, optional: true, os: [os], cpu: [cpu], ...(libc ? { libc: [libc] } : {}) }
}

function family(builds: Record<string, LockEntry>): Lock {
  const optionalDependencies = Object.fromEntries(Object.keys(builds).map((name) => [name, '1.0.0']))
  const entries = Object.entries(builds).map(([name, entry]) => [`node_modules/${name}`, entry] as const)
  return { 'node_modules/tool': { integrity, optionalDependencies }, ...Object.fromEntries(entries) }
}

const complete = {
  'tool-linux-x64': build('linux', 'x64', 'glibc'),
  'tool-linux-arm64': build('linux', 'arm64'),
  'tool-darwin-x64': build('darwin', 'x64'),
  'tool-darwin-arm64': build('darwin', 'arm64'),
  'tool-win32-x64': build('win32', 'x64'),
}

describe('the lock', () => {
  it('LOCK-1 names every optional package it speaks of', () => {
    const { 'node_modules/tool-win32-x64': _, ...lock } = family(complete)
    expect(lockFaults(lock, [])).toContain('node_modules/tool names tool-win32-x64, which has no entry')
  })

  it('LOCK-2 has builds for Linux, macOS and Windows', () => {
    expect(lockFaults(family(complete), [])).toEqual([])
    const musl = { ...complete, 'tool-linux-x64': build('linux', 'x64', 'musl') }
    expect(lockFaults(family(musl), [])).toEqual(['node_modules/tool has no build for linux x64'])
    const { 'tool-darwin-arm64': _, ...without } = complete
    expect(lockFaults(family(without), [])).toEqual(['node_modules/tool has no build for darwin arm64'])
  })

  it('LOCK-3 a package for one system alone is no family', () => {
    expect(lockFaults(family({ fsevents: build('darwin', 'x64') }), [])).toEqual([])
  })

  it('LOCK-4 names no registry and proves every package', () => {
    expect(
      lockFaults({ 'node_modules/a': { integrity, resolved: 'https://registry.example/a.tgz' } }, []),
    ).toHaveLength(1)
    expect(lockFaults({ 'node_modules/a': {} }, [])).toEqual(['node_modules/a has no checksum'])
    expect(
      lockFaults({ 'node_modules/@parley/a': { link: true, resolved: 'packages/a' }, 'packages/a': {} }, []),
    ).toEqual([])
  })

  it('LOCK-5 runs only install scripts that were allowed', () => {
    const lock = { 'node_modules/a': { integrity, hasInstallScript: true } }
    expect(lockFaults(lock, [])).toHaveLength(1)
    expect(lockFaults(lock, ['a'])).toEqual([])
  })

  it('LOCK-6 finds packages as Node does, the nearest first', () => {
    const lock = {
      'node_modules/a': {},
      'node_modules/b': {},
      'node_modules/b/node_modules/a': {},
      'packages/x/node_modules/a': {},
    }
    expect(resolveEntry(lock, 'node_modules/b', 'a')).toBe('node_modules/b/node_modules/a')
    expect(resolveEntry(lock, 'packages/x', 'a')).toBe('packages/x/node_modules/a')
    expect(resolveEntry(lock, 'packages/x', 'b')).toBe('node_modules/b')
    expect(resolveEntry(lock, 'node_modules/b/node_modules/a', 'c')).toBeUndefined()
  })
})
