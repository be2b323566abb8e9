import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { serverCores } from '../machine/processes.ts'

/** A control group that the server starts in, as it would in a container: Node sizes its heap by the group's limit of memory. */
const { BENCH_SERVER_CGROUP: group } = process.env
const intoGroup = group ? ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', group] : []

const running = new Set<ChildProcess>()

/** Starts a program on the server's cores. */
export function startPinned(command: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const [program = '', ...rest] = [...intoGroup, 'taskset', '-c', serverCores, command, ...args]
  const child = spawn(program, rest, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

/** Ends every program that runs, at once: the measurement itself is ended. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** Ends a program and waits until it is gone. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await gone
  clearTimeout(impatience)
}

/**
 * Waits until a URL answers, with anything but a fault of the server.
 * @throws Error after 30 seconds, or when the program has ended
 */
export async function untilAnswers(child: ChildProcess, url: string): Promise<void> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const answered = await fetch(url).then(
      ({ status }) => status < 500,
      () => false,
    )
    if (answered) return
    if (performance.now() > deadline || child.exitCode !== null) throw new Error(`${url} does not answer`)
    await sleep(100)
  }
}
