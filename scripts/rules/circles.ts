import type { Finding, Source } from './source.ts'

function edgesOf(sources: readonly Source[]): Map<string, string[]> {
  return new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.flatMap(({ target, typeOnly }) => (target === null || typeOnly ? [] : [target])),
    ]),
  )
}

/** No file imports itself by way of others; type imports do not count, they are gone at run time. */
export function circles(sources: readonly Source[]): Finding[] {
  const edges = edgesOf(sources)
  const done = new Set<string>()
  const trail: string[] = []
  const findings: Finding[] = []
  const visit = (path: string): void => {
    if (done.has(path)) return
    const start = trail.indexOf(path)
    if (start >= 0) {
      const message = [...trail.slice(start), path].join(' -> ')
      findings.push({ path, line: 1, rule: 'circle', message })
      return
    }
    trail.push(path)
    for (const next of edges.get(path) ?? []) visit(next)
    trail.pop()
    done.add(path)
  }
  for (const path of edges.keys()) visit(path)
  return findings
}
