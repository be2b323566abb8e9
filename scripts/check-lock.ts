import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Lock, lockFaults } from './lock-faults.ts'

function read(name: string) {
  return JSON.parse(readFileSync(join(import.meta.dirname, '..', name), 'utf8'))
}

const lock: Lock = read('package-lock.json').packages
const faults = lockFaults(lock, Object.keys(read('package.json').allowScripts))
for (const fault of faults) console.log(fault)
console.log(`${Object.keys(lock).length} entries, ${faults.length} faults`)
process.exit(faults.length === 0 ? 0 : 1)
