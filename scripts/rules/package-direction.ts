import { atImport, type Finding, packageOf, productOf, type Source } from './source.ts'

const below: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  styles: [],
  server: ['protocol'],
  client: ['protocol'],
  react: ['protocol', 'client', 'styles'],
}
const belowApps = ['protocol', 'client', 'react', 'styles']

function mayImport(path: string, name: string): readonly string[] | undefined {
  return path.startsWith('apps/') ? belowApps : below[name]
}

/** Packages are the layers: each imports only the ones below it, by its public entry. */
export function packageDirection(sources: readonly Source[]): Finding[] {
  return productOf(sources).flatMap((source) => {
    const own = packageOf(source.path) ?? ''
    const allowed = mayImport(source.path, own)
    if (!allowed) {
      const message = `${own} has no place in the order of packages, in scripts/rules/package-direction.ts`
      return [{ path: source.path, line: 1, rule: 'package-direction', message }]
    }
    return source.imports.flatMap((each) => {
      const other = /^@parley\/([^/]+)/.exec(each.specifier)?.[1]
      if (other !== undefined && !allowed.includes(other)) {
        return [atImport(source, each, 'package-direction', `${own} may not import ${other}`)]
      }
      if (each.target !== null && packageOf(each.target) !== own) {
        return [atImport(source, each, 'package-border', 'another package is imported by its name')]
      }
      return []
    })
  })
}
