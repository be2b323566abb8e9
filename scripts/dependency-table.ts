import { type Lock, nameOf, resolveEntry } from './lock-faults.ts'

/** One production dependency. */
export interface Dependency {
  readonly name: string
  readonly version: string
  readonly licence: string
  /** The workspaces that declare it. */
  readonly usedBy: readonly string[]
  readonly reason: string
  /** Bytes of its own folder. */
  readonly size: number
}

/** What a dependency brings along. */
export interface Transitive {
  readonly packages: number
  /** Packages of which npm installs the one that fits the machine. */
  readonly builds: number
}

/**
 * Counts what the given dependencies bring along.
 * @param from paths of the workspaces that ship
 */
export function countTransitive(lock: Lock, from: readonly string[]): Transitive {
  const direct = new Set(from.flatMap((path) => Object.keys(lock[path]?.dependencies ?? {})))
  const seen = new Set<string>()
  const visit = (path: string): void => {
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = lock[path] ?? {}
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const found = resolveEntry(lock, path, name)
      if (found === undefined || lock[found]?.link || seen.has(found)) continue
      seen.add(found)
      visit(found)
    }
  }
  for (const path of from) visit(path)
  const brought = [...seen].filter((path) => !direct.has(nameOf(path)))
  const builds = brought.filter((path) => lock[path]?.os).length
  return { packages: brought.length - builds, builds }
}

function sizeInWords(bytes: number): string {
  const kilobytes = bytes / 1000
  return kilobytes < 1000 ? `${Math.ceil(kilobytes)} kB` : `${(kilobytes / 1000).toFixed(1)} MB`
}

/** The page of all production dependencies, in Markdown. */
export function dependencyPage(rows: readonly Dependency[], transitive: Transitive): string {
  const lines = rows.map(
    ({ name, version, licence, size, usedBy, reason }) =>
      `| ${name} | ${version} | ${licence} | ${sizeInWords(size)} | ${usedBy.join(', ')} | ${reason} |`,
  )
  return [
    '# Production dependencies',
    '',
    'Made by `npm run docs:dependencies` from the manifests, the lock and what is installed. Sizes are of the package alone, unpacked.',
    '',
    `${rows.length} direct ones. They bring ${transitive.packages} further packages, and ${transitive.builds} builds of which npm`,
    'installs those that fit the machine.',
    '',
    '| package | version | licence | size | used by | why |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n')
}

/** Whether two pages say the same; sizes differ between machines and do not count. */
export function samePage(a: string, b: string): boolean {
  const plain = (text: string) => text.replace(/\| [\d.]+ [kM]B \|/g, '|  |')
  return plain(a) === plain(b)
}
