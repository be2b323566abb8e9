import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Entry {
  readonly version?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const platforms = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64', 'windows-x64'] as const

/** Faults of a lock file: optional packages without an entry, and addresses of one machine's registry. */
export function lockFaults(packages: Readonly<Record<string, Entry>>): string[] {
  const names = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)))
  const missing = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {})
      .filter((name) => platforms.some((platform) => name.includes(platform)) && !names.has(name))
      .map((name) => `${path} names ${name}, which has no entry`),
  )
  const addressed = Object.entries(packages)
    .filter(([, entry]) => entry.resolved?.startsWith('http'))
    .map(([path]) => `${path} names a download address`)
  return [...missing, ...addressed]
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8'))
  const faults = lockFaults(lock.packages)
  for (const fault of faults) console.log(fault)
  console.log(`${Object.keys(lock.packages).length} entries, ${faults.length} faults`)
  process.exit(faults.length === 0 ? 0 : 1)
}
