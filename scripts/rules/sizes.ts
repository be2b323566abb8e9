import ts from 'typescript'
import { type Finding, isTest, lineOf, type Source } from './source.ts'

const fileLimit = 400
const testFileLimit = 800
const functionLimit = 50
const componentLimit = 100

/** A component is a function in a `.tsx` file whose name starts with a capital, `memo` and the like looked through. */
function isComponent(path: string, node: ts.Node): boolean {
  if (!path.endsWith('.tsx')) return false
  if (ts.isFunctionDeclaration(node)) return /^[A-Z]/.test(node.name?.text ?? '')
  const outer = ts.isCallExpression(node.parent) ? node.parent.parent : node.parent
  return ts.isVariableDeclaration(outer) && /^[A-Z]/.test(outer.name.getText())
}

function bodyLines(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getEnd()).line + 2 - lineOf(tree, node)
}

function longFunctions({ path, tree }: Source): Finding[] {
  const findings: Finding[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const limit = isComponent(path, node) ? componentLimit : functionLimit
      const lines = bodyLines(tree, node)
      const message = `function of ${lines} lines, at most ${limit}`
      if (lines > limit) findings.push({ path, line: lineOf(tree, node), rule: 'function-size', message })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return findings
}

/** Files stay short enough to be one thing. */
export function fileSize(sources: readonly Source[]): Finding[] {
  return sources.flatMap(({ path, lines }) => {
    const limit = isTest(path) ? testFileLimit : fileLimit
    return lines > limit
      ? [{ path, line: 1, rule: 'file-size', message: `file of ${lines} lines, at most ${limit}` }]
      : []
  })
}

/** Functions stay short enough to be read at once; in tests the file's limit is enough. */
export function functionSize(sources: readonly Source[]): Finding[] {
  return sources.filter(({ path }) => !isTest(path)).flatMap(longFunctions)
}
