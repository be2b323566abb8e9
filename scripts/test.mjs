// `npm test` on a fresh clone: sets up, then runs every check and every test, and counts them.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { findServices } from './services.mjs'
import { build, install, node, root } from './setup.mjs'

install()
build()

const scratch = mkdtempSync(join(tmpdir(), 'parley-test-'))
const env = {
  ...process.env,
  ...findServices(),
  PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
  NODE_ENV: 'test',
}
const bin = (name) => join(root, 'node_modules', name)
let passed = 0
let failed = 0

function run(name, args) {
  process.stdout.write(`\n== ${name}\n`)
  return spawnSync(node, args, { cwd: root, env, stdio: 'inherit' }).status === 0
}

function check(name, args) {
  if (run(name, args)) passed += 1
  else failed += 1
}

function tests(name, args) {
  const report = join(scratch, `${name}.json`)
  const vitest = [bin('vitest/vitest.mjs'), 'run', ...args, '--reporter=default', '--reporter=json']
  const green = run(name, [...vitest, `--outputFile.json=${report}`])
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(report, 'utf8'))
    passed += numPassedTests
    failed += Math.max(numFailedTests, green ? 0 : Math.max(1, numFailedTestSuites))
  } catch {
    failed += 1
  }
}

check('lint', [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'])
check('types', [bin('typescript/bin/tsc'), '-p', 'tsconfig.json'])
check('architecture rules', ['scripts/rules/check.ts'])
check('lock file', ['scripts/check-lock.ts'])
check('list of dependencies', ['scripts/dependencies.ts', '--check'])
tests('tests', ['--project', 'node'])
tests('browser', ['--project', 'browser'])

rmSync(scratch, { recursive: true, force: true })
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)
