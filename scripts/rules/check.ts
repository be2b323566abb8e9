import { join } from 'node:path'
import { globals } from './globals.ts'
import { circles, unusedExports } from './graph.ts'
import { databaseUse, declared, inner, libraries, packages, sliceDirection } from './layers.ts'
import { size } from './size.ts'
import { type Rule, readSources } from './source.ts'

const root = join(import.meta.dirname, '../..')
const rules: readonly Rule[] = [
  size,
  packages,
  sliceDirection,
  libraries,
  databaseUse,
  inner,
  declared(root),
  circles,
  unusedExports,
  globals,
]

const sources = readSources(root)
const findings = rules.flatMap((rule) => rule(sources)).sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line)
for (const { path, line, rule, message } of findings) console.log(`${path}:${line}  ${rule}  ${message}`)
console.log(`${sources.length} files, ${findings.length} findings`)
process.exit(findings.length === 0 ? 0 : 1)
