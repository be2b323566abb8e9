import ts from 'typescript'
import { type Finding, isTest, lineOf, type Source } from './source.ts'

const fileLimit = 400
const testFileLimit = 800
const functionLimit = 50
const componentLimit = 100

type Body = ts.FunctionDeclaration | ts.FunctionExpression | ts.ArrowFunction | ts.MethodDeclaration

function isBody(node: ts.Node): node is Body {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node)
  )
}

function bodyLines(tree: ts.SourceFile, node: Body): number {
  const end = tree.getLineAndCharacterOfPosition(node.getEnd()).line
  return end - tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
}

function longFunctions(source: Source): Finding[] {
  const limit = source.path.endsWith('.tsx') ? componentLimit : functionLimit
  const findings: Finding[] = []
  const visit = (node: ts.Node): void => {
    if (isBody(node) && bodyLines(source.tree, node) > limit) {
      const message = `function of ${bodyLines(source.tree, node)} lines, at most ${limit}`
      findings.push({ path: source.path, line: lineOf(source.tree, node), rule: 'function-size', message })
    }
    ts.forEachChild(node, visit)
  }
  visit(source.tree)
  return findings
}

/** Files and functions stay short enough to be read at once. */
export function size(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) => {
    const limit = isTest(source.path) ? testFileLimit : fileLimit
    const message = `file of ${source.lines} lines, at most ${limit}`
    const long = source.lines > limit ? [{ path: source.path, line: 1, rule: 'file-size', message }] : []
    return [...long, ...(isTest(source.path) ? [] : longFunctions(source))]
  })
}
