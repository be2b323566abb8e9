// `npm test` on a fresh clone: sets up, then runs every check and every test, and counts them.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { findServices } from './services.mjs'
import { build, install, node, root } from './setup.mjs'

install()
build()

const scratch = mkdtempSync(join(tmpdir(), 'parley-test-'))
const { NODE_ENV: _, ...inherited } = process.env
const env = { ...inherited, ...findServices(), PATH: `${dirname(node)}${delimiter}${process.env.PATH}` }
const total = { passed: 0, failed: 0 }

function tool(path) {
  return join(root, 'node_modules', path)
}

/** Runs a program on our Node. Answers whether it succeeded, and what it printed unless that was shown at once. */
function run(args, stdio) {
  return new Promise((resolve) => {
    const child = spawn(node, args, { cwd: root, env, stdio: ['ignore', stdio, stdio] })
    const output = []
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => output.push(chunk))
    child.on('close', (code) => resolve({ green: code === 0, output: Buffer.concat(output).toString() }))
  })
}

/** A check counts as one; its output is shown when it fails. */
async function check([name, ...args]) {
  const began = performance.now()
  const { green, output } = await run(args, 'pipe')
  total[green ? 'passed' : 'failed'] += 1
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`${green ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n${green ? '' : `${output}\n`}`)
}

/** Tests count one by one; what broke outside of a test counts as one failure more. */
async function tests(name, projects) {
  const report = join(scratch, `${name}.json`)
  const choice = projects.flatMap((project) => ['--project', project])
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  process.stdout.write(`\n${name}\n`)
  const { green } = await run([tool('vitest/vitest.mjs'), 'run', ...choice, ...reporters], 'inherit')
  const { numPassedTests = 0, numFailedTests = 0 } = readReport(report)
  total.passed += numPassedTests
  total.failed += Math.max(numFailedTests, green ? 0 : 1)
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return {}
  }
}

/** Without Chromium the browser tests are left out, which CI does not let pass. */
function withoutBrowser() {
  process.stdout.write('\nbrowser tests skipped: no Chromium here, CHROMIUM_PATH can name one\n')
  if (process.env.CI) total.failed += 1
}

await Promise.all(
  [
    ['lint', tool('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '--max-diagnostics=100', '.'],
    ['types', tool('typescript/bin/tsc'), '-p', 'tsconfig.json'],
    ['architecture rules', 'scripts/rules/check.ts'],
    ['lock file', 'scripts/check-lock.ts'],
    ['list of dependencies', 'scripts/dependencies.ts', '--check'],
  ].map(check),
)
await tests('tests', ['scripts', 'node'])
await tests('tests of whole servers', ['alone'])
if (env.CHROMIUM_PATH) await tests('browser tests', ['e2e'])
else withoutBrowser()

rmSync(scratch, { recursive: true, force: true })
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`)
process.exit(total.failed === 0 ? 0 : 1)
