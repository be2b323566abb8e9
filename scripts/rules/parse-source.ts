import { dirname, relative, resolve } from 'node:path'
import ts from 'typescript'
import { type Import, lineOf, type Source } from './source.ts'

type Taken = Pick<Import, 'names' | 'typeOnly'>

function taken(elements: ts.NodeArray<ts.ImportSpecifier | ts.ExportSpecifier>): string[] {
  return elements.map(({ name, propertyName }) => (propertyName ?? name).text)
}

function takenByImport({ importClause: clause }: ts.ImportDeclaration): Taken {
  const typeOnly = clause?.phaseModifier === ts.SyntaxKind.TypeKeyword
  const bindings = clause?.namedBindings
  const standard = clause?.name ? ['default'] : []
  if (!bindings) return { names: standard, typeOnly }
  if (ts.isNamespaceImport(bindings)) return { names: ['*'], typeOnly }
  return { names: [...standard, ...taken(bindings.elements)], typeOnly }
}

function takenByExport({ exportClause: clause, isTypeOnly: typeOnly }: ts.ExportDeclaration): Taken {
  return { names: clause && ts.isNamedExports(clause) ? taken(clause.elements) : ['*'], typeOnly }
}

function literal(node: ts.Node | undefined): string | null {
  return node && ts.isStringLiteral(node) ? node.text : null
}

function importAt(node: ts.Node): (Taken & { specifier: string }) | null {
  const everything = { names: ['*'], typeOnly: false }
  let specifier: string | null = null
  let what: Taken = everything
  if (ts.isImportDeclaration(node)) {
    specifier = literal(node.moduleSpecifier)
    what = takenByImport(node)
  } else if (ts.isExportDeclaration(node)) {
    specifier = literal(node.moduleSpecifier)
    what = takenByExport(node)
  } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    specifier = literal(node.argument.literal)
    what = { ...everything, typeOnly: true }
  } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    specifier = literal(node.arguments[0])
  }
  return specifier === null ? null : { ...what, specifier }
}

function importsOf(root: string, path: string, tree: ts.SourceFile): Import[] {
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    const each = importAt(node)
    if (each) {
      const local = each.specifier.startsWith('.') ? relative(root, resolve(root, dirname(path), each.specifier)) : null
      found.push({ ...each, target: local?.replaceAll('\\', '/') ?? null, line: lineOf(tree, node) })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

function kindOf(path: string): ts.ScriptKind {
  if (path.endsWith('.tsx')) return ts.ScriptKind.TSX
  return path.endsWith('.ts') ? ts.ScriptKind.TS : ts.ScriptKind.JS
}

/**
 * Parses one file; of a stylesheet only the lines are counted.
 * @param root absolute path of the project
 * @param path path of the file, relative to the root
 */
export function parseSource(root: string, path: string, text: string): Source {
  const code = path.endsWith('.css') ? '' : text
  const tree = ts.createSourceFile(path, code, ts.ScriptTarget.Latest, true, kindOf(path))
  return { path, tree, lines: text.split('\n').length - 1, imports: importsOf(root, path, tree) }
}
