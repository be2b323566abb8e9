import { atImport, type Finding, productOf, type Source } from './source.ts'

const server = 'packages/server/src/'

/** Roles of the server's files from the outside in: a file uses its own row and the rows under it. The rest is the ground. */
const roles: readonly (readonly [name: string, files: RegExp])[] = [
  ['the program', /^(main|index)\.ts$|^cli\//],
  ['server.ts', /^server\.ts$/],
  ['routes', /\.routes\.ts$/],
  ['the edge', /^(http|realtime|delivery)[\w-]*\.ts$/],
  ['services', /\.service\.ts$|^(?!db\/|storage\/)[^/]+\/[\w-]+(\.content)?\.ts$/],
  ['policies', /\.policy\.ts$/],
]
const ground = { name: 'the ground', depth: roles.length }

function roleOf(path: string): { name: string; depth: number } {
  const local = path.slice(server.length)
  const depth = roles.findIndex(([, files]) => files.test(local))
  const [name] = roles[depth] ?? []
  return name === undefined ? ground : { name, depth }
}

/** main, cli -> server -> routes -> services -> policies -> write, db. Types may be named from anywhere. */
export function roleDirection(sources: readonly Source[]): Finding[] {
  return productOf(sources)
    .filter(({ path }) => path.startsWith(server))
    .flatMap((source) => {
      const own = roleOf(source.path)
      return source.imports.flatMap((each) => {
        if (each.typeOnly || !each.target?.startsWith(server)) return []
        const used = roleOf(each.target)
        if (used.name === 'routes' && own.name !== 'server.ts') {
          return [atImport(source, each, 'role-direction', 'only server.ts mounts routes')]
        }
        if (used.depth >= own.depth) return []
        return [atImport(source, each, 'role-direction', `${own.name} may not use ${used.name}`)]
      })
    })
}
