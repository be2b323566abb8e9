import { isBuiltin } from 'node:module'
import { atImport, type Finding, isTest, type Rule, type Source } from './source.ts'

/** The parts of a `package.json` that name packages. */
export interface Manifest {
  readonly name?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

function shipped(manifest: Manifest): string[] {
  return [manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies].flatMap((each) =>
    Object.keys(each ?? {}),
  )
}

function development(manifest: Manifest): string[] {
  return Object.keys(manifest.devDependencies ?? {})
}

function workspaceOf(path: string): string {
  return /^((packages|apps)\/[^/]+|e2e|bench)(?=\/)/.exec(path)?.[0] ?? ''
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function isTool(path: string): boolean {
  return isTest(path) || !workspaceOf(path) || /\.config\.ts$/.test(path)
}

/**
 * Every package that is imported is declared by the workspace that imports it: as a dependency where it ships, at least for
 * development where it does not.
 * @param manifestOf gives the manifest of a workspace's folder, `''` for the root
 */
export function declared(manifestOf: (folder: string) => Manifest): Rule {
  const known = (path: string): Set<string> => {
    const own = manifestOf(workspaceOf(path))
    if (!isTool(path)) return new Set(shipped(own))
    return new Set([...shipped(own), ...development(own), ...development(manifestOf('')), own.name ?? ''])
  }
  return (sources: readonly Source[]): Finding[] =>
    sources.flatMap((source) => {
      const names = known(source.path)
      return source.imports
        .filter(
          ({ target, specifier }) => target === null && !isBuiltin(specifier) && !specifier.startsWith('virtual:'),
        )
        .filter(({ specifier }) => !names.has(packageName(specifier)))
        .map((each) => atImport(source, each, 'undeclared', `${packageName(each.specifier)} is not declared here`))
    })
}
