import './engine.js'

await import('../src/cli/worker.ts')
