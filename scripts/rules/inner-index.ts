import { atImport, type Finding, type Source } from './source.ts'

/** `index.ts` exists at package roots only and is not imported from inside. */
export function innerIndex(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) => {
    const { path } = source
    const misplaced = /(^|\/)index\.tsx?$/.test(path) && !/^(packages|apps)\/[^/]+\/src\/index\.tsx?$/.test(path)
    const here = misplaced ? [{ path, line: 1, rule: 'inner-index', message: 'index.ts is for package roots' }] : []
    const inside = source.imports
      .filter(({ target }) => target !== null && /(^|\/)index\.tsx?$/.test(target))
      .map((each) => atImport(source, each, 'inner-index', 'import the file itself, or the package by its name'))
    return [...here, ...inside]
  })
}
