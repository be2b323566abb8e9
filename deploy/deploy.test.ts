import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = '']) => found)

const compose = read('deploy/compose.yaml')
const container = read('deploy/Containerfile')
const service = read('deploy/parley.service')
const example = read('deploy/.env.example')
const page = read('docs/deploying.md')

/** Names in `environment:` blocks of PARLEY's services and in files of settings, whether given or only shown. */
const used = new Set([
  ...matches(compose, /^ {4,6}([A-Z][A-Z_]+): /gm),
  ...matches(compose, /\$\{([A-Z_]+)/g),
  ...matches(example, /^#? ?([A-Z][A-Z_]+)=/gm),
  ...matches(container, /^ENV (.+)$/gm).flatMap((line) => matches(line, /([A-Z_]+)=/g)),
  ...matches(service, /^Environment=(.+)$/gm).flatMap((line) => matches(line, /([A-Z_]+)=/g)),
  ...matches(read('deploy/Caddyfile'), /\{\$([A-Z_]+)\}/g),
  ...matches(page, /`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`/g),
])

/** Settings of the images beside ours. */
const foreign = /^POSTGRES_/

/** A block of lines of the compose file with the blocks it takes over. */
function withAnchors(block: string): string {
  const taken = matches(block, /\*(\w+)/g).map((name) => {
    const [found = ''] = matches(compose, new RegExp(`^x-${name}: &${name}\\n((?: .*\\n)+)`, 'gm'))
    return withAnchors(found)
  })
  return [block, ...taken].join('\n')
}

function serviceOf(name: string): string {
  const [own = ''] = matches(compose, new RegExp(`^( {2}${name}:.*\\n(?: {4}.*\\n)*)`, 'gm'))
  expect(own, name).not.toBe('')
  return withAnchors(own)
}

describe('deploy', () => {
  it('DEP-1 every variable exists in the configuration and stands in the README', () => {
    const known = matches(read('packages/server/src/config.ts'), /^ {2}([A-Z][A-Z_]+): /gm)
    const names = [...used].filter((name) => !foreign.test(name))
    expect(names).toContain('PARLEY_SECRET')
    expect(names.filter((name) => !known.includes(name))).toEqual([])
    expect(names.filter((name) => !read('README.md').includes(name))).toEqual([])
  })

  it('DEP-2 every file that is named is there', () => {
    const copied = matches(container, /^COPY (?!--from|\. )(\S+)/gm)
    const fromBuild = matches(container, /^COPY --from=build \/opt\/parley\/(\S+)/gm)
    const made = ['node_modules', 'apps/web/dist']
    const mounted = matches(compose, /- \.\/(\S+?):/g).map((path) => `deploy/${path}`)
    const told = [compose, page, service].flatMap((text) => matches(text, /\b(deploy\/[\w.-]*\w)/g))
    const paths = [...copied, ...fromBuild, ...mounted, ...told].filter(
      (path) => !made.includes(path) && path !== 'deploy/.env',
    )
    expect(paths).toContain('deploy/Caddyfile')
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
    expect(existsSync(join(root, 'packages/server/bin/parley.js'))).toBe(true)
  })

  it('DEP-3 images are pinned; Node is the one of the tests, PostgreSQL is 15 or newer', () => {
    const images = [...matches(compose, /image: (\S+)/g), ...matches(container, /^FROM (\S+)/gm)]
    expect(images.filter((image) => !/:.*\d/.test(image) && !image.startsWith('node:$'))).toEqual([])
    expect(matches(container, /^ARG NODE_VERSION=(\S+)$/gm)).toEqual([
      JSON.parse(read('package.json')).devDependencies.node,
    ])
    expect(Number(matches(compose, /image: postgres:(\d+)/g)[0])).toBeGreaterThanOrEqual(15)
    expect(matches(page, /PostgreSQL (\d+) or newer/g)).toEqual(['15'])
  })

  it('DEP-4 the image runs the server itself, as nobody special, with the tools of building left behind', () => {
    const final = container.slice(container.lastIndexOf('FROM '))
    expect(final).toContain('\nUSER node\n')
    expect(final).toContain('\nENTRYPOINT ["parley"]\nCMD ["start"]\n')
    expect(final).toMatch(/HEALTHCHECK (?:.|\n)*\/healthz/)
    expect(final).not.toMatch(/\bnpm\b/)
    expect(container).toContain('npm ci --omit=dev --workspace @parley/server')
  })

  it('DEP-5 every server trusts the proxy, reaches the database by a secret, and waits for the one migration', () => {
    for (const name of matches(compose, /^ {2}(server-\d+): /gm)) {
      const text = serviceOf(name)
      expect(text, name).toContain("PARLEY_TRUST_PROXY: 'on'")
      expect(text, name).toContain('env_file: .env')
      expect(text, name).toContain('migrate: { condition: service_completed_successfully }')
      expect(text, name).toContain('read_only: true')
      expect(read('deploy/Caddyfile'), name).toContain(`${name}:4400`)
    }
    expect(matches(compose, /^ {2}(server-\d+): /gm)).toHaveLength(2)
    expect(serviceOf('migrate')).toContain('command: [migrate]')
  })

  it('DEP-6 a proxy says who calls and keeps what is internal to itself', () => {
    const nginx = read('deploy/nginx.conf')
    expect(nginx).toContain('proxy_set_header X-Forwarded-For $remote_addr;')
    expect(nginx).toContain('proxy_set_header Upgrade $http_upgrade;')
    for (const path of ['/metrics', '/readyz']) {
      expect(nginx).toContain(`location = ${path} { return 404; }`)
      expect(read('deploy/Caddyfile')).toMatch(new RegExp(`@inside path .*${path}`))
    }
  })

  it('DEP-7 no secret has a value, and none gets into the image or the repository', () => {
    expect(matches(example, /^(\w*(?:SECRET|PASSWORD)=.+)$/gm)).toEqual([])
    expect(read('.dockerignore').split('\n')).toContain('**/.env')
    expect(read('deploy/.gitignore').split('\n')).toContain('.env')
    expect(readdirSync(join(root, 'deploy'))).toContain('.env.example')
  })

  it('DEP-8 every metric that the page names is one that the server has', () => {
    const metrics = read('packages/server/src/metrics.ts')
    const named = matches(page, /`(parley_\w+)`/g).map((name) => name.replace(/_(bucket|count|sum)$/, ''))
    expect(named).toContain('parley_operation_seconds')
    expect(named.filter((name) => name !== 'parley_app' && !metrics.includes(`'${name}'`))).toEqual([])
  })
})
