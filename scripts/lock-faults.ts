/** What is read of one entry in `package-lock.json`. */
export interface LockEntry {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly optional?: boolean
  readonly hasInstallScript?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** The entries of a lock by their path, `''` for the root. */
export type Lock = Readonly<Record<string, LockEntry>>

const platforms = [
  ['linux', 'x64'],
  ['linux', 'arm64'],
  ['darwin', 'x64'],
  ['darwin', 'arm64'],
  ['win32', 'x64'],
] as const

/**
 * The path of the entry that a package gets when it asks for another, as Node would find it.
 * @returns undefined when the lock has none
 */
export function resolveEntry(lock: Lock, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, folder.lastIndexOf('/'))) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
    if (lock[path]) return path
    if (!folder.includes('/')) return lock[`node_modules/${name}`] && `node_modules/${name}`
  }
}

/** The package's name at the end of an entry's path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}

function missing(lock: Lock, path: string, names: readonly string[]): string[] {
  return names
    .filter((name) => resolveEntry(lock, path, name) === undefined)
    .map((name) => `${path} names ${name}, which has no entry`)
}

function platformFaults(lock: Lock, path: string, names: readonly string[]): string[] {
  const builds = names.flatMap((name) => {
    const entry = lock[resolveEntry(lock, path, name) ?? '']
    return entry?.os ? [entry] : []
  })
  const systems = new Set(builds.flatMap(({ os }) => os))
  if (systems.size < 2) return []
  return platforms
    .filter(([os, cpu]) => {
      const fits = (each: LockEntry) => each.os?.includes(os) && (each.cpu?.includes(cpu) ?? true)
      return !builds.some((each) => fits(each) && (each.libc?.includes('glibc') ?? true))
    })
    .map(([os, cpu]) => `${path} has no build for ${os} ${cpu}`)
}

/**
 * Faults of a lock: optional packages without an entry, families of builds with a platform missing, addresses of one machine's
 * registry, packages without a checksum, and install scripts nobody allowed.
 * @param allowed names of packages whose install scripts may run
 */
export function lockFaults(lock: Lock, allowed: readonly string[]): string[] {
  return Object.entries(lock).flatMap(([path, entry]) => {
    const names = Object.keys(entry.optionalDependencies ?? {})
    const addressed = entry.resolved?.startsWith('http') ? [`${path} names a download address`] : []
    const unproved =
      path.startsWith('node_modules/') && !entry.link && !entry.integrity ? [`${path} has no checksum`] : []
    const unasked =
      entry.hasInstallScript && !allowed.includes(nameOf(path))
        ? [`${path} has an install script that allowScripts in package.json does not list`]
        : []
    return [...missing(lock, path, names), ...platformFaults(lock, path, names), ...addressed, ...unproved, ...unasked]
  })
}
