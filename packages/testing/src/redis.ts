import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './program.ts'

/** A Redis of a test's own, to be killed, stopped and started at will on one port. */
export interface TestRedis {
  readonly url: string
  start(): Promise<void>
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>
  /** Lets it hang, with its connections open. */
  hang(): void
  /** Lets it go on. */
  goOn(): void
  /** Sends one command from aside and answers the first line of what comes back. */
  command(text: string): Promise<string>
}

const startLimit = 5_000
const program = 'redis-server'

/** Whether there is a Redis on this machine. Where tests must be complete, its absence is an error. */
export function hasRedis(): boolean {
  const found = spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
  if (!found && process.env.CI === 'true') throw new Error('There is no redis-server on this machine')
  return found
}

function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${text}\r\n`))
    socket.once('error', reject)
    socket.once('data', (chunk) => {
      resolve(chunk.toString().split('\r\n')[0] ?? '')
      socket.destroy()
    })
  })
}

async function answers(port: number): Promise<boolean> {
  const [answer] = await Promise.allSettled([ask(port, 'PING')])
  return answer.status === 'fulfilled' && answer.value === '+PONG'
}

/** Prepares a Redis that keeps nothing on disk; it is not started yet. */
export async function createRedis(): Promise<TestRedis> {
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  let child: ChildProcess | undefined
  return {
    url: `redis://127.0.0.1:${port}`,
    start: async () => {
      child = spawn(program, args, { stdio: 'ignore' })
      const deadline = performance.now() + startLimit
      while (!(await answers(port))) {
        if (performance.now() > deadline) throw new Error('Redis does not start')
        await sleep(20)
      }
    },
    kill: async () => {
      const running = child
      if (!running || running.exitCode !== null || running.signalCode !== null) return
      const ended = new Promise((resolve) => running.once('close', resolve))
      running.kill('SIGKILL')
      await ended
    },
    hang: () => void child?.kill('SIGSTOP'),
    goOn: () => void child?.kill('SIGCONT'),
    command: (text) => ask(port, text),
  }
}
