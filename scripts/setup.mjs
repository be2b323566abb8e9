// Runs on any Node from 20 on, before anything is installed: plain JavaScript, nothing but Node's own modules.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const modules = join(root, 'node_modules')
const lock = join(root, 'package-lock.json')
const stamp = join(modules, '.parley-stamp')
const built = join(root, 'apps/web/dist/index.html')
const sources = ['apps/web', 'packages/protocol', 'packages/client', 'packages/react', 'packages/styles']
const leftOut = new Set(['node_modules', 'dist', 'test'])

/** The Node 24 that the root package brings. */
export const node = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

function fail(what, output) {
  process.stderr.write(`${output}\nparley: ${what} failed\n`)
  process.exit(1)
}

function run(what, command, args, options = {}) {
  process.stderr.write(`parley: ${what} …\n`)
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, ...options })
  if (result.status !== 0) fail(what, `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`)
}

function hash(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** npm's own note of what it installed: the same packages as the lock names, those for other platforms left out. */
function installedByHand(lockPath) {
  const note = join(modules, '.package-lock.json')
  if (!existsSync(note)) return false
  const installed = JSON.parse(readFileSync(note, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(lockPath, 'utf8')).packages
  const same = Object.entries(installed).every(([path, { integrity }]) => wanted[path]?.integrity === integrity)
  const complete = Object.entries(wanted).every(
    ([path, { optional }]) => optional || !path.startsWith('node_modules/') || installed[path],
  )
  return same && complete
}

/** Installs what the lock names, unless that very lock is installed. */
export function install() {
  const wanted = hash(lock)
  const stamped = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
  if (stamped && existsSync(node)) return
  if (!existsSync(node) || !installedByHand(lock)) {
    run(
      'installing dependencies, once',
      'npm',
      ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'],
      {
        shell: process.platform === 'win32',
      },
    )
  }
  if (!existsSync(node)) fail('installing Node 24', `${node} is missing`)
  writeFileSync(stamp, wanted)
}

/** When something below a folder changed last, removed files included; the folder's own entry does not count. */
function lastChange(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !leftOut.has(name))
    .reduce((latest, entry) => {
      const path = join(folder, entry.name)
      const inside = entry.isDirectory() ? lastChange(path) : 0
      return Math.max(latest, inside, statSync(path).mtimeMs)
    }, 0)
}

/** Builds the web application, unless it was built after its sources and libraries last changed. */
export function build() {
  const changed = Math.max(statSync(lock).mtimeMs, ...sources.map((folder) => lastChange(join(root, folder))))
  if (existsSync(built) && statSync(built).mtimeMs >= changed) return
  run('building the web application', node, [join(modules, 'vite/bin/vite.js'), 'build', '--logLevel', 'warn'], {
    cwd: join(root, 'apps/web'),
  })
}
