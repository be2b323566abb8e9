// `npm start` on a fresh clone: installs, builds, then runs the server on the Node the project brings.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { build, install, node, root } from './setup.mjs'

install()
build()

const program = join(root, 'packages/server/bin/parley.js')
const server = spawn(node, [program, 'start', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => server.kill(signal))
server.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1)))
