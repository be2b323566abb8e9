import './engine.js'

// Not beside the engine: all that is imported at once is compiled before any of it runs.
await import('../src/cli/worker.ts')
