import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { claimDataDirectory, DataDirectoryInUse, holderOf } from './data-directory.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-lock-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

const claiming = `
  import { claimDataDirectory } from ${JSON.stringify(join(import.meta.dirname, 'data-directory.ts'))}
  await claimDataDirectory(process.argv[1])
  console.log('held')
  setInterval(() => undefined, 1_000)
`

/** Starts a process that claims a directory; answers what it says first and how to kill it. */
async function claimElsewhere(dataDir: string, ...prefix: string[]): Promise<{ said: string; kill(): Promise<void> }> {
  const [command = '', ...args] = [...prefix, process.execPath, '--input-type=module', '-e', claiming, dataDir]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  const said = await new Promise<string>((resolve) => {
    let words = ''
    child.stderr.on('data', (chunk: Buffer) => {
      words += chunk.toString()
    })
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    child.once('close', () => resolve(words))
  })
  return {
    said,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

describe('RUN-1 a data directory belongs to one process', () => {
  test('others are refused with the name of the holder, until it is released; nothing is left then', async () => {
    const held = await claimDataDirectory(folder)
    expect(await holderOf(folder)).toBe(`process ${process.pid}`)
    await expect(claimDataDirectory(folder)).rejects.toThrow(DataDirectoryInUse)
    expect((await claimElsewhere(folder)).said).toContain(`process ${process.pid}`)
    await held.release()
    expect(await holderOf(folder)).toBeNull()
    expect(readdirSync(folder)).toEqual([])
  })

  test('what a killed holder leaves is no hindrance, and of many who come then exactly one gets it', async () => {
    const first = await claimElsewhere(folder)
    expect(first.said).toBe('held\n')
    await first.kill()
    expect(readdirSync(folder)).toHaveLength(1)
    for (let round = 0; round < 5; round += 1) {
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => claimDataDirectory(folder)))
      const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      expect(winners).toHaveLength(1)
      expect(readdirSync(folder)).toHaveLength(1)
      for (const winner of winners) await winner.release()
    }
  })

  test('of several processes that come at once exactly one gets it', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => claimElsewhere(folder)))
    expect(all.filter(({ said }) => said === 'held\n')).toHaveLength(1)
    expect(all.filter(({ said }) => said.includes('DataDirectoryInUse'))).toHaveLength(3)
    for (const { kill } of all) await kill()
  })

  test.each([60, 75, 90, 100, 107, 108, 240])('a path of %i bytes', async (length) => {
    const long = join(folder, 'é'.repeat(10), 'x'.repeat(length - folder.length - 22))
    mkdirSync(long, { recursive: true })
    expect(Buffer.byteLength(long)).toBe(length)
    const held = await claimDataDirectory(long)
    expect((await claimElsewhere(long)).said).toContain(`process ${process.pid}`)
    expect(await holderOf(long)).toBe(`process ${process.pid}`)
    await held.release()
    expect(readdirSync(long)).toEqual([])
  })

  test('a holder that has been stopped and says nothing still holds it', async () => {
    const held = await claimElsewhere(folder)
    const pid = /process (\d+)/.exec((await holderOf(folder)) ?? '')?.[1]
    process.kill(Number(pid), 'SIGSTOP')
    await expect(claimDataDirectory(folder)).rejects.toThrow(/does not answer/)
    await held.kill()
    await (await claimDataDirectory(folder)).release()
  })

  const separate = ['unshare', '--net', '--uts', '--ipc', '--pid', '--fork', '--kill-child'] as const
  const [command, ...args] = separate
  const works = spawnSync(command, [...args, 'true'], { stdio: 'ignore' }).status === 0
  test.skipIf(!works)('from other namespaces, as of a container (needs Linux and root)', async () => {
    const held = await claimDataDirectory(folder)
    expect((await claimElsewhere(folder, ...separate)).said).toContain(`process ${process.pid}`)
    await held.release()
    const other = await claimElsewhere(folder, ...separate)
    expect(other.said).toBe('held\n')
    await expect(claimDataDirectory(folder)).rejects.toThrow(/\(process 1\b/)
    await other.kill()
  })
})
