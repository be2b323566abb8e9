// Runs on any Node from 20 on, before anything is installed: plain JavaScript, nothing but Node's own modules.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')
const modules = join(root, 'node_modules')
const stamp = join(modules, '.parley-lock')
const built = join(root, 'apps/web/dist/index.html')
const sources = ['apps/web', 'packages/protocol', 'packages/client', 'packages/react', 'packages/styles']
const leftOut = new Set(['node_modules', 'dist', 'test'])

/** The Node 24 that the root package brings. */
export const node = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

function run(what, command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  })
  if (result.status === 0) return
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}\nparley: ${what} failed\n`)
  process.exit(1)
}

function npm(what, args) {
  run(what, 'npm', args)
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

/** Installs what the lock names, unless that very lock was installed before. */
export function install() {
  const wanted = lockHash()
  if (existsSync(stamp) && existsSync(node) && readFileSync(stamp, 'utf8') === wanted) return
  process.stderr.write('parley: installing dependencies, once …\n')
  npm('npm ci', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(stamp, wanted)
}

function newest(folder) {
  let latest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (leftOut.has(entry.name)) continue
    const path = join(folder, entry.name)
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs)
  }
  return latest
}

/** Builds the web application, unless it was built after its sources last changed. */
export function build() {
  const changed = Math.max(...sources.map((folder) => newest(join(root, folder))))
  if (existsSync(built) && statSync(built).mtimeMs >= changed) return
  process.stderr.write('parley: building the web application …\n')
  run('the web build', node, [join(modules, 'vite/bin/vite.js'), 'build', '--logLevel', 'warn'], {
    cwd: join(root, 'apps/web'),
    shell: false,
  })
}
