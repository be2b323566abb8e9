import ts from 'typescript'
import { atImport, type Finding, lineOf, productOf, type Source } from './source.ts'

const server = 'packages/server/src/'
const mayUse =
  /\.(service|policy|tables)\.ts$|^packages\/server\/src\/((write|jobs|context|server|index)\.ts$|(db|cli)\/)/

function handlesIn({ path, tree }: Source): Finding[] {
  const findings: Finding[] = []
  const visit = (node: ts.Node): void => {
    const named = ts.isPropertyAccessExpression(node) || ts.isBindingElement(node)
    if (named && node.name.getText(tree) === 'db') {
      findings.push({ path, line: lineOf(tree, node), rule: 'database', message: 'routes never touch the database' })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return findings
}

/** Only services, policies, tables, write.ts, jobs.ts and db/ speak with the database; the program opens it. */
export function database(sources: readonly Source[]): Finding[] {
  return productOf(sources)
    .filter(({ path }) => path.startsWith(server) && !mayUse.test(path))
    .flatMap((source) => {
      const imported = source.imports
        .filter(({ target, typeOnly }) => target?.startsWith(`${server}db/`) && !typeOnly)
        .map((each) => atImport(source, each, 'database', 'this file may not use the database'))
      return source.path.endsWith('.routes.ts') ? [...imported, ...handlesIn(source)] : imported
    })
}
