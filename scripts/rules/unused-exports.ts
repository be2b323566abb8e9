import ts from 'typescript'
import { type Finding, isTest, lineOf, type Source } from './source.ts'

interface Export {
  readonly name: string
  readonly line: number
  readonly node: ts.Node
}

const entry = /\/src\/(index|main)\.tsx?$|\.config\.ts$|\/db\/migrations\/|\/global-setup\.ts$|\.test\.tsx?$/

function isExported(node: ts.Node): boolean {
  if (!ts.canHaveModifiers(node)) return false
  return ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false
}

function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text]
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? boundNames(element.name) : []))
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isExportDeclaration(statement) && !statement.moduleSpecifier && statement.exportClause) {
    return ts.isNamedExports(statement.exportClause) ? statement.exportClause.elements.map(({ name }) => name.text) : []
  }
  if (!isExported(statement)) return []
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => boundNames(name))
  }
  const { name } = statement as ts.DeclarationStatement
  return name ? [name.text] : []
}

function exportsOf({ tree }: Source): Export[] {
  return tree.statements.flatMap((node) => namesOf(node).map((name) => ({ name, line: lineOf(tree, node), node })))
}

function importedNames(sources: readonly Source[]): Set<string> {
  return new Set(
    sources.flatMap(({ imports }) => imports.flatMap(({ target, names }) => names.map((name) => `${target}#${name}`))),
  )
}

function mentions(node: ts.Node, name: string): boolean {
  if (ts.isIdentifier(node) && node.text === name) return true
  return ts.forEachChild(node, (child) => mentions(child, name) || undefined) ?? false
}

/** A type may be exported because another export of its file speaks of it: whoever uses that one can name the type. */
function isSpokenOf({ node, name }: Export, all: readonly Export[]): boolean {
  if (!ts.isInterfaceDeclaration(node) && !ts.isTypeAliasDeclaration(node)) return false
  return all.some((other) => other.node !== node && mentions(other.node, name))
}

/** What is exported is imported somewhere, and not by tests alone. Entries of packages and tools are used from outside. */
export function unusedExports(sources: readonly Source[]): Finding[] {
  const byProduct = importedNames(sources.filter(({ path }) => !isTest(path)))
  const byAnyone = importedNames(sources)
  return sources
    .filter(({ path }) => !entry.test(path))
    .flatMap((source) => {
      const { path } = source
      const used = isTest(path) ? byAnyone : byProduct
      const all = exportsOf(source)
      return all
        .filter(({ name }) => !used.has(`${path}#${name}`) && !used.has(`${path}#*`))
        .filter((each) => !isSpokenOf(each, all))
        .map(({ name, line }) => {
          const message = byAnyone.has(`${path}#${name}`)
            ? `${name} is used by tests alone`
            : `${name} is never imported`
          return { path, line, rule: 'unused-export', message }
        })
    })
}
