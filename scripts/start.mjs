// `npm start` on a fresh clone: installs, builds, then runs the server on the Node the project brings.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { build, install, node, root } from './setup.mjs'

install()
build()

const program = join(root, 'packages/server/bin/parley.js')
const server = spawn(node, [program, 'start', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })

// A terminal sends Ctrl-C to the server as well, and npm passes it on once more: the server must see each signal once.
const fromTerminal = process.stdin.isTTY ? ['SIGINT', 'SIGHUP'] : []
const passed = new Set(fromTerminal)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (passed.has(signal)) return
    passed.add(signal)
    server.kill(signal)
  })
}
server.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
