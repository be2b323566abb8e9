import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { circles } from './circles.ts'
import { database } from './database.ts'
import { declared, type Manifest } from './declared.ts'
import { globals } from './globals.ts'
import { innerIndex } from './inner-index.ts'
import { libraries } from './libraries.ts'
import { packageDirection } from './package-direction.ts'
import { readSources } from './read-sources.ts'
import { roleDirection } from './role-direction.ts'
import { fileSize, functionSize } from './sizes.ts'
import { sliceDirection } from './slice-direction.ts'
import type { Rule } from './source.ts'
import { unusedExports } from './unused-exports.ts'

const root = join(import.meta.dirname, '../..')

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
}

const rules: readonly Rule[] = [
  fileSize,
  functionSize,
  packageDirection,
  sliceDirection,
  roleDirection,
  libraries,
  database,
  innerIndex,
  declared(manifestOf),
  circles,
  unusedExports,
  globals,
]

const sources = readSources(root)
const findings = rules.flatMap((rule) => rule(sources)).sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line)
for (const { path, line, rule, message } of findings) console.log(`${path}:${line} ${rule} ${message}`)
console.log(`${sources.length} files, ${findings.length} findings`)
process.exit(findings.length === 0 ? 0 : 1)
