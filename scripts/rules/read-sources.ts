import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseSource } from './parse-source.ts'
import type { Source } from './source.ts'

const folders = ['packages', 'apps', 'e2e', 'scripts', 'bench', 'faults']
const leftOut = new Set(['node_modules', 'dist', 'data'])

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (leftOut.has(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (/\.(tsx?|m?js|css)$/.test(entry.name)) yield path
  }
}

/** Parses every source file of the project. */
export function readSources(root: string): Source[] {
  return folders
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => [...walk(folder)])
    .map((file) => parseSource(root, relative(root, file).replaceAll('\\', '/'), readFileSync(file, 'utf8')))
}
