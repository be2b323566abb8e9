// Finds what the tests need besides Node, and installs it where this machine lets us.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const debianPostgres = '/usr/lib/postgresql'
const oldestPostgres = 15

function inPath(program) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path))
}

function postgresBin() {
  if (process.env.PARLEY_TEST_PG_BIN) return process.env.PARLEY_TEST_PG_BIN
  const versions = existsSync(debianPostgres) ? readdirSync(debianPostgres).map(Number) : []
  const version = versions.filter((number) => number >= oldestPostgres).sort((a, b) => a - b)[0]
  if (version !== undefined && existsSync(join(debianPostgres, String(version), 'bin/initdb'))) {
    return join(debianPostgres, String(version), 'bin')
  }
  const found = inPath('initdb')
  return found && join(found, '..')
}

function chromium() {
  return process.env.CHROMIUM_PATH || (inPath('chromium') ?? inPath('chromium-browser') ?? inPath('google-chrome'))
}

function aptInstall(packages) {
  if (process.getuid?.() !== 0 || !inPath('apt-get')) return
  process.stderr.write(`parley: installing ${packages.join(' and ')} for the tests …\n`)
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  spawnSync('apt-get', ['update'], options)
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...packages], options)
}

/** Variables that tell the tests where PostgreSQL and Chromium are; a missing one is left out. */
export function findServices() {
  const missing = [...(postgresBin() ? [] : ['postgresql']), ...(chromium() ? [] : ['chromium'])]
  if (missing.length > 0) aptInstall(missing)
  const [postgres, browser] = [postgresBin(), chromium()]
  return {
    ...(postgres ? { PARLEY_TEST_PG_BIN: postgres } : {}),
    ...(browser ? { CHROMIUM_PATH: browser } : {}),
    ...(process.env.CI ? { PARLEY_TEST_REQUIRE: '1' } : {}),
  }
}
