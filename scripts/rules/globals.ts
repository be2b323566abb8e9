import ts from 'typescript'
import { type Finding, isTest, lineOf, type Source } from './source.ts'

interface Restriction {
  readonly pattern: RegExp
  readonly files: RegExp
  readonly message: string
}

const restrictions: readonly Restriction[] = [
  {
    pattern: /^process\.env$/,
    files: /^packages\/server\/src\/(config|main)\.ts$|^packages\/server\/src\/cli\/|\.config\.ts$/,
    message: 'the environment is read in config.ts',
  },
  {
    pattern:
      /^(Date\.now|new Date\(\)|Math\.random|(crypto\.)?(randomUUID|randomBytes|getRandomValues)|performance\.now)$/,
    files: /\/(context|ids|clock|config)\.ts$|^packages\/server\/src\/(db|cli)\/|\/identity\/secrets\.ts$|Clock\.tsx?$/,
    message: 'time and randomness are injected',
  },
]

function expressionOf(tree: ts.SourceFile, node: ts.Node): string | null {
  if (ts.isPropertyAccessExpression(node)) return node.getText(tree).replace(/^globalThis\./, '')
  if (ts.isNewExpression(node) && node.expression.getText(tree) === 'Date') {
    return (node.arguments?.length ?? 0) === 0 ? 'new Date()' : null
  }
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) return node.expression.text
  return null
}

/** The environment, time and randomness come in at few places and are handed on from there. */
export function globals(sources: readonly Source[]): Finding[] {
  return sources
    .filter((source) => /^(packages|apps)\//.test(source.path) && !isTest(source.path))
    .flatMap((source) => {
      const findings: Finding[] = []
      const visit = (node: ts.Node): void => {
        const expression = expressionOf(source.tree, node)
        for (const { pattern, files, message } of restrictions) {
          if (expression === null || !pattern.test(expression) || files.test(source.path)) continue
          findings.push({ path: source.path, line: lineOf(source.tree, node), rule: 'global', message })
        }
        ts.forEachChild(node, visit)
      }
      visit(source.tree)
      return findings
    })
}
