import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const globalSetup = ['packages/testing/src/global-setup.ts']

/** Tests that start, kill and time whole servers: one after the other, beside nothing else. */
const alone = [
  ...['kill', 'running', 'fuzz', 'slow-reader', 'processes', 'nodes', 'nodes-redis'].map(
    (name) => `packages/server/test/${name}.test.ts`,
  ),
  'faults/faults.test.ts',
]

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'scripts', include: ['scripts/**/*.test.ts'] } },
      {
        test: {
          name: 'node',
          include: ['packages/*/{src,test}/**/*.test.ts', 'deploy/*.test.ts'],
          exclude: alone,
          globalSetup,
          maxWorkers: Math.max(2, availableParallelism() - 1),
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'alone',
          include: alone,
          globalSetup,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          globalSetup,
          maxWorkers: 2,
          testTimeout: 90_000,
          expect: { poll: { timeout: 10_000 } },
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
