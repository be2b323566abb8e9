import type ts from 'typescript'

/** One import or re-export of a source file. */
export interface Import {
  readonly specifier: string
  /** Path of the file it names, relative to the root; null for a package. */
  readonly target: string | null
  /** Gone at run time as a whole: `import type`, `export type`. */
  readonly typeOnly: boolean
  /** What is taken, by the name it has there; `*` for everything. */
  readonly names: readonly string[]
  readonly line: number
}

/** A parsed file of ours. */
export interface Source {
  /** Path relative to the root, with forward slashes. */
  readonly path: string
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

/** Every file of the project in, what the rule objects to out. */
export type Rule = (sources: readonly Source[]) => Finding[]

/** The line, from 1, on which a node starts. */
export function lineOf(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
}

/** Whether a file holds tests or serves only them. */
export function isTest(path: string): boolean {
  return /\.test\.tsx?$|\/test\/|^e2e\/|^packages\/testing\/|^(bench|faults)\//.test(path)
}

/** The package or application a file belongs to, as in `@parley/name`. */
export function packageOf(path: string): string | undefined {
  return /^(?:packages|apps)\/([^/]+)\//.exec(path)?.[1]
}

/** A finding at an import. */
export function atImport({ path }: Source, { line }: Import, rule: string, message: string): Finding {
  return { path, line, rule, message }
}

/** The product's own files, without tests and what serves them. */
export function productOf(sources: readonly Source[]): Source[] {
  return sources.filter(({ path }) => /^(packages|apps)\//.test(path) && !isTest(path))
}
