// `npm start` on a fresh clone: installs, builds, then runs the server on the Node the project brings.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { build, install, node, root } from './setup.mjs'

const parentCheck = 200

install()
build()

const program = join(root, 'packages/server/bin/parley.js')
const server = spawn(node, [program, 'start', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
server.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))

// A terminal sends Ctrl-C to the server as well, and npm passes it on once more: the server must see each signal once.
const passed = new Set(process.stdin.isTTY ? ['SIGINT', 'SIGHUP'] : [])
function pass(signal) {
  if (passed.has(signal)) return
  passed.add(signal)
  server.kill(signal)
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, pass)

// The shell between npm and us dies of a SIGTERM without passing it on.
if (process.env.npm_lifecycle_event) {
  const parent = process.ppid
  setInterval(() => process.ppid !== parent && pass('SIGTERM'), parentCheck).unref()
}
