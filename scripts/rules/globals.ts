import ts from 'typescript'
import { type Finding, lineOf, productOf, type Source } from './source.ts'

interface Restriction {
  readonly expressions: RegExp
  readonly files: RegExp
  readonly message: string
}

const restrictions: readonly Restriction[] = [
  {
    expressions: /^process\.env$/,
    files: /^packages\/server\/(src\/(config|main)\.ts$|bin\/)|\.config\.ts$/,
    message: 'the environment is read in config.ts',
  },
  {
    expressions:
      /^(Date\.now|new Date\(\)|Date\(\)|Math\.random|(crypto\.)?(randomUUID|randomBytes|randomInt|getRandomValues))$/,
    files: /^packages\/server\/src\/(clock|ids)\.ts$|^packages\/(client|react)\/src\/clock\.ts$/,
    message: 'time and randomness are injected',
  },
  {
    expressions: /^performance\.now$/,
    files: /^packages\/server\/src\/(clock\.ts$|db\/|cli\/)|^packages\/(client|react)\/src\/clock\.ts$/,
    message: 'time is injected',
  },
]

function expressionOf(tree: ts.SourceFile, node: ts.Node): string | null {
  if (ts.isPropertyAccessExpression(node)) return node.getText(tree).replace(/^(globalThis|window)\./, '')
  if (ts.isElementAccessExpression(node) && ts.isStringLiteral(node.argumentExpression)) {
    return `${node.expression.getText(tree)}.${node.argumentExpression.text}`
  }
  if (ts.isNewExpression(node) && node.expression.getText(tree) === 'Date') {
    return node.arguments?.length ? null : 'new Date()'
  }
  if (ts.isCallExpression(node) && node.expression.getText(tree) === 'Date') return 'Date()'
  if (ts.isImportSpecifier(node)) return (node.propertyName ?? node.name).text
  return null
}

/** The environment, time and randomness come in at few places and are handed on from there. */
export function globals(sources: readonly Source[]): Finding[] {
  return productOf(sources).flatMap(({ path, tree }) => {
    const findings: Finding[] = []
    const visit = (node: ts.Node): void => {
      const expression = expressionOf(tree, node)
      for (const { expressions, files, message } of restrictions) {
        if (expression === null || !expressions.test(expression) || files.test(path)) continue
        findings.push({ path, line: lineOf(tree, node), rule: 'global', message })
      }
      ts.forEachChild(node, visit)
    }
    visit(tree)
    return findings
  })
}
