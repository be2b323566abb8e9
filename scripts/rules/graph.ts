import ts from 'typescript'
import { type Finding, isTest, lineOf, type Source } from './source.ts'

function edgesOf(sources: readonly Source[]): Map<string, string[]> {
  return new Map(
    sources.map((source) => [
      source.path,
      source.imports.flatMap((each) => (each.target !== null && !each.typeOnly ? [each.target] : [])),
    ]),
  )
}

/** No file imports itself by way of others; type imports do not count, they are gone at run time. */
export function circles(sources: readonly Source[]): Finding[] {
  const edges = edgesOf(sources)
  const state = new Map<string, 'open' | 'done'>()
  const findings: Finding[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      const circle = [...trail.slice(trail.indexOf(path)), path].join(' -> ')
      findings.push({ path, line: 1, rule: 'circle', message: circle })
      return
    }
    state.set(path, 'open')
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    state.set(path, 'done')
  }
  for (const path of edges.keys()) visit(path, [])
  return findings
}

function isExported(node: ts.Node): boolean {
  return (
    (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword)) ?? false
  )
}

function exportsOf({ tree }: Source): { name: string; line: number }[] {
  return tree.statements.filter(isExported).flatMap((statement) => {
    const line = lineOf(tree, statement)
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map((each) => ({ name: each.name.getText(tree), line }))
    }
    const { name } = statement as ts.FunctionDeclaration
    return name ? [{ name: name.text, line }] : []
  })
}

function usedNames(sources: readonly Source[]): Set<string> {
  const used = new Set<string>()
  for (const source of sources) {
    for (const each of source.imports) {
      if (each.target === null) continue
      for (const name of each.names) used.add(`${each.target}#${name}`)
    }
  }
  return used
}

const entries = /(^|\/)(index\.ts|main\.tsx?|vite\.config\.ts|vitest\.config\.ts)$|\/migrations\/|global-setup\.ts$/

/**
 * What is exported is imported somewhere, and not by tests alone. Public entries and types named in a used signature excepted: a type
 * that is mentioned in its own file by something exported counts as used.
 */
export function unusedExports(sources: readonly Source[]): Finding[] {
  const used = usedNames(sources.filter((source) => !isTest(source.path)))
  const usedByTests = usedNames(sources.filter((source) => isTest(source.path)))
  return sources
    .filter((source) => !entries.test(source.path) && !source.path.endsWith('.test.ts'))
    .flatMap((source) =>
      exportsOf(source)
        .filter(({ name }) => !isUsed(source, name, isTest(source.path) ? usedByTests : used))
        .map(({ name, line }) => ({
          path: source.path,
          line,
          rule: 'unused-export',
          message: `${name} is not imported anywhere`,
        })),
    )
}

function isUsed(source: Source, name: string, used: ReadonlySet<string>): boolean {
  if (used.has(`${source.path}#${name}`) || used.has(`${source.path}#*`)) return true
  const isType = new RegExp(`export (interface|type) ${name}\\b`).test(source.text)
  return isType && (source.text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0) > 1
}
