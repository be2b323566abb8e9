import { atImport, type Finding, type Import, productOf, type Source } from './source.ts'

/** Slices of the server in the order in which they may use each other: the later ones the earlier ones. */
const order = [
  ['workspaces', 'users'],
  ['conversations', 'participants'],
  ['messages'],
  ['reads', 'changes', 'typing', 'presence'],
  ['inbox', 'stats'],
  ['identity', 'import'],
  ['demo'],
]
/** Folders of the server that are no slices. */
const other = ['cli', 'db', 'storage']

function sliceOf(path: string): string | undefined {
  const folder = /^packages\/server\/src\/([^/]+)\//.exec(path)?.[1]
  return folder === undefined || other.includes(folder) ? undefined : folder
}

function rank(slice: string): number {
  return order.findIndex((level) => level.includes(slice))
}

function fault(from: string, each: Import): string | null {
  const to = each.target === null ? undefined : sliceOf(each.target)
  if (to === undefined || from === to) return null
  if (rank(to) > rank(from)) return `${from} may not use ${to}`
  if (!/\.(service|policy|tables)\.ts$/.test(each.target ?? '')) {
    return `only services, policies and tables of ${to} are for others`
  }
  return null
}

/** Slices use each other in one direction, and only what is made for it. */
export function sliceDirection(sources: readonly Source[]): Finding[] {
  return productOf(sources).flatMap((source) => {
    const from = sliceOf(source.path)
    if (from === undefined) return []
    if (rank(from) < 0) {
      const message = `${from} has no place in the order of slices, in scripts/rules/slice-direction.ts`
      return [{ path: source.path, line: 1, rule: 'slice-direction', message }]
    }
    return source.imports.flatMap((each) => {
      const message = fault(from, each)
      return message === null ? [] : [atImport(source, each, 'slice-direction', message)]
    })
  })
}
