import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

/** One import or re-export of a source file. */
export interface Import {
  readonly specifier: string
  /** Path of the file it names, relative to the root; null for a package. */
  readonly target: string | null
  readonly typeOnly: boolean
  readonly names: readonly string[]
  readonly line: number
}

/** A parsed source file of ours. */
export interface Source {
  /** Path relative to the root, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly lines: number
  readonly tree: ts.SourceFile
  readonly imports: readonly Import[]
}

/** Something a rule objects to. */
export interface Finding {
  readonly path: string
  readonly line: number
  readonly rule: string
  readonly message: string
}

/** Every file of the project and what a rule finds in them. */
export type Rule = (sources: readonly Source[]) => Finding[]

const roots = ['packages', 'apps', 'e2e', 'scripts', 'bench']
const leftOut = new Set(['node_modules', 'dist', 'data'])

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (leftOut.has(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (/\.tsx?$/.test(entry.name)) yield path
  }
}

/** The line, from 1, on which a node starts. */
export function lineOf(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
}

function namesOf(node: ts.ImportDeclaration | ts.ExportDeclaration): { names: string[]; typeOnly: boolean } {
  if (ts.isExportDeclaration(node)) {
    const { exportClause } = node
    if (!exportClause || ts.isNamespaceExport(exportClause)) return { names: ['*'], typeOnly: node.isTypeOnly }
    return { names: exportClause.elements.map((e) => (e.propertyName ?? e.name).text), typeOnly: node.isTypeOnly }
  }
  const clause = node.importClause
  const bindings = clause?.namedBindings
  if (!bindings || ts.isNamespaceImport(bindings)) {
    return { names: bindings ? ['*'] : ['default'], typeOnly: clause?.phaseModifier === ts.SyntaxKind.TypeKeyword }
  }
  const typeOnly =
    clause.phaseModifier === ts.SyntaxKind.TypeKeyword ||
    (bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly) && !clause.name)
  return { names: bindings.elements.map((element) => (element.propertyName ?? element.name).text), typeOnly }
}

function importsOf(root: string, path: string, tree: ts.SourceFile): Import[] {
  const found: Import[] = []
  const add = (node: ts.Node, specifier: string, names: readonly string[], typeOnly: boolean) => {
    const target = specifier.startsWith('.') ? relative(root, resolve(root, dirname(path), specifier)) : null
    found.push({ specifier, target, names, typeOnly, line: lineOf(tree, node) })
  }
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      const { names, typeOnly } = namesOf(node)
      add(node, (node.moduleSpecifier as ts.StringLiteral).text, names, typeOnly)
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      if (argument && ts.isStringLiteral(argument)) add(node, argument.text, ['*'], false)
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

/** Parses one file. */
export function parseSource(root: string, path: string, text: string): Source {
  const kind = path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, kind)
  return { path, text, tree, lines: text.split('\n').length - 1, imports: importsOf(root, path, tree) }
}

/** Parses every TypeScript file of the project. */
export function readSources(root: string): Source[] {
  return roots.flatMap((folder) =>
    [...walk(join(root, folder))].map((file) =>
      parseSource(root, relative(root, file).replaceAll('\\', '/'), readFileSync(file, 'utf8')),
    ),
  )
}

/** Whether a file holds tests or serves only them. */
export function isTest(path: string): boolean {
  return /\.test\.tsx?$|\/test\/|^e2e\/|^packages\/testing\/|^bench\//.test(path)
}
