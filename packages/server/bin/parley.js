#!/usr/bin/env node

const oldest = 24

if (Number(process.versions.node.split('.')[0]) < oldest) {
  process.stderr.write(`parley: Node ${oldest} or newer is needed, this is ${process.versions.node}\n`)
  process.exit(1)
}
await import('./engine.js')
await import('../src/main.ts')
