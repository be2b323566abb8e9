import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Finding, type Import, isTest, type Source } from './source.ts'

const allowed: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  server: ['protocol'],
  client: ['protocol'],
  styles: [],
  react: ['protocol', 'client', 'styles'],
  web: ['protocol', 'client', 'react', 'styles'],
}

/** Slices of the server in the order in which they may use each other: a later one the earlier ones. */
const slices = [
  ['workspaces', 'users'],
  ['conversations', 'participants'],
  ['messages'],
  ['reads', 'changes', 'typing', 'presence'],
  ['inbox'],
  ['identity', 'import'],
  ['demo'],
]

function packageOf(path: string): string | undefined {
  return /^(?:packages|apps)\/([^/]+)\//.exec(path)?.[1]
}

function finding({ path }: Source, { line }: Import, rule: string, message: string): Finding {
  return { path, line, rule, message }
}

/** Packages are the layers: each imports only the ones below it, by its public entry. */
export function packages(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) => {
    const own = packageOf(source.path)
    const below = own === undefined ? undefined : allowed[own]
    if (!below || isTest(source.path)) return []
    return source.imports.flatMap((each) => {
      const other = /^@parley\/([^/]+)/.exec(each.specifier)?.[1]
      if (other !== undefined && !below.includes(other)) {
        return [finding(source, each, 'package-direction', `${own} may not import ${other}`)]
      }
      if (each.target !== null && packageOf(each.target) !== own) {
        return [finding(source, each, 'package-border', 'another package is imported by its name')]
      }
      return []
    })
  })
}

function sliceOf(path: string): string | undefined {
  return /^packages\/server\/src\/([^/]+)\//.exec(path)?.[1]
}

function rank(slice: string): number {
  return slices.findIndex((level) => level.includes(slice))
}

function sliceFinding(source: Source, each: Import): Finding[] {
  if (each.target === null) return []
  const [from, to] = [sliceOf(source.path), sliceOf(each.target)]
  if (from === undefined || to === undefined || from === to) return []
  const [fromRank, toRank] = [rank(from), rank(to)]
  if (fromRank < 0 || toRank < 0 || toRank <= fromRank) return []
  return [finding(source, each, 'slice-direction', `${from} may not use ${to}`)]
}

/** Slices use each other in one direction, and only policies, services and tables. */
export function sliceDirection(sources: readonly Source[]): Finding[] {
  return sources
    .filter((source) => !isTest(source.path))
    .flatMap((source) =>
      source.imports.flatMap((each) => {
        const foreignRoute = each.target?.endsWith('.routes.ts') && source.path !== 'packages/server/src/server.ts'
        const route = foreignRoute ? [finding(source, each, 'routes', 'only server.ts mounts routes')] : []
        return [...route, ...sliceFinding(source, each)]
      }),
    )
}

/** What only some files may import, by package name. */
const edges: readonly { readonly modules: RegExp; readonly files: RegExp; readonly message: string }[] = [
  {
    modules: /^(@fastify\/|fastify)/,
    files: /^packages\/server\/src\/(http[\w-]*|server)\.ts$/,
    message: 'only http.ts and server.ts know Fastify',
  },
  {
    modules: /^socket\.io$/,
    files: /^packages\/server\/src\/(realtime[\w-]*|server)\.ts$/,
    message: 'only realtime.ts and server.ts know Socket.IO',
  },
  {
    modules: /^(pg|kysely)/,
    files: /^packages\/server\/src\/(db\/|import\/|cli\/|write\.ts|server\.ts)/,
    message: 'only db/, write.ts and bulk writers know the driver',
  },
  {
    modules: /^socket\.io-client$/,
    files: /^packages\/client\/src\/connection[\w-]*\.ts$/,
    message: 'only the connection knows the socket',
  },
]

/** Foreign libraries stay at the edges. */
export function libraries(sources: readonly Source[]): Finding[] {
  return sources
    .filter((source) => source.path.startsWith('packages/') && !isTest(source.path))
    .flatMap((source) =>
      source.imports.flatMap((each) =>
        edges
          .filter((edge) => edge.modules.test(each.specifier) && !edge.files.test(source.path))
          .map((edge) => finding(source, each, 'edge', edge.message)),
      ),
    )
}

/** Only services, policies, tables, write.ts, jobs.ts and db/ speak with the database. */
export function databaseUse(sources: readonly Source[]): Finding[] {
  const files = /\.(service|policy|tables)\.ts$|\/(write|jobs|context|server)\.ts$|^packages\/server\/src\/(db|cli)\//
  return sources
    .filter(
      (source) => source.path.startsWith('packages/server/src/') && !isTest(source.path) && !files.test(source.path),
    )
    .flatMap((source) =>
      source.imports
        .filter((each) => each.target?.startsWith('packages/server/src/db/') && !each.typeOnly)
        .map((each) => finding(source, each, 'database', 'this file may not use the database')),
    )
}

/** `index.ts` exists at package roots only and is not imported from inside. */
export function inner(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) => {
    const nested = /\/src\/.+\/index\.tsx?$/.test(source.path)
    const misplaced = nested ? [{ path: source.path, line: 1, rule: 'inner-index', message: 'no index.ts here' }] : []
    const used = source.imports
      .filter((each) => each.target !== null && /\/src\/index\.ts$/.test(each.target))
      .map((each) => finding(source, each, 'inner-index', 'import the file itself'))
    return [...misplaced, ...used]
  })
}

/** Every package that is imported is declared by the workspace that imports it. */
export function declared(root: string) {
  const manifests = new Map<string, Set<string>>()
  const namesIn = (folder: string): Set<string> => {
    const known = manifests.get(folder)
    if (known) return known
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
    const names = ['dependencies', 'devDependencies', 'peerDependencies'].flatMap((kind) =>
      Object.keys(manifest[kind] ?? {}),
    )
    const set = new Set(names)
    manifests.set(folder, set)
    return set
  }
  return (sources: readonly Source[]): Finding[] =>
    sources.flatMap((source) => {
      const folder = /^(packages|apps)\/[^/]+/.exec(source.path)?.[0] ?? (source.path.startsWith('e2e/') ? 'e2e' : '')
      const own = namesIn(folder)
      const shared = namesIn('')
      return source.imports
        .filter(
          (each) =>
            each.target === null && !each.specifier.startsWith('node:') && !each.specifier.startsWith('virtual:'),
        )
        .filter((each) => {
          const name = each.specifier
            .split('/')
            .slice(0, each.specifier.startsWith('@') ? 2 : 1)
            .join('/')
          return !own.has(name) && !shared.has(name)
        })
        .map((each) => finding(source, each, 'undeclared', `${each.specifier} is not a declared dependency`))
    })
}
