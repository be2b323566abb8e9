import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const root = join(import.meta.dirname, '..')
const startLimit = 30_000

/** A real server process with its own data directory and the demo's people. */
export interface App {
  readonly url: string
  readonly dataDir: string
  /** One-time sign-in links of the first start, by the person's first name in lower case. */
  readonly links: ReadonlyMap<string, string>
  /** Ends the server without warning. */
  kill(): Promise<void>
  /** Starts it again on the same port and data. Answers the milliseconds until it is ready. */
  start(): Promise<number>
  /** Stops it as an operator would and removes its data. Answers the exit code. */
  stop(): Promise<number | null>
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)))
}

async function ready(url: string, child: ChildProcess, output: () => string): Promise<void> {
  const deadline = performance.now() + startLimit
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${output()}`)
    const answer = await fetch(`${url}/readyz`).catch(() => undefined)
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`the server was not ready in ${startLimit} ms:\n${output()}`)
}

function linksIn(output: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of output.split('\n')) {
    const link = /https?:\/\/\S+\/link#\S+/.exec(line)?.[0]
    const name = /\b(Ana|Luis|Dana)\b/.exec(line)?.[1]
    if (link && name && !found.has(name.toLowerCase())) found.set(name.toLowerCase(), link)
  }
  return found
}

/**
 * Starts a server process on a free port with an empty data directory.
 * @param environment more variables, such as DATABASE_URL
 */
export async function startApp(environment: Record<string, string> = {}): Promise<App> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-e2e-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  let output = ''
  const start = async (): Promise<number> => {
    const began = performance.now()
    child = spawn(process.execPath, [join(root, 'packages/server/bin/parley.js'), 'start'], {
      cwd: root,
      env: {
        ...process.env,
        NODE_ENV: '',
        PORT: String(port),
        PARLEY_DATA_DIR: dataDir,
        LOG_LEVEL: 'warn',
        PARLEY_RATE_LIMITS: 'off',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await ready(url, child, () => output)
    return performance.now() - began
  }
  await start()
  const deadline = performance.now() + startLimit
  while (!/ready: (.|\n)*Dana|sign in yet/.test(output) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const links = linksIn(output)
  return {
    url,
    dataDir,
    links,
    start,
    kill: async () => {
      child?.kill('SIGKILL')
      if (child) await ended(child)
    },
    stop: async () => {
      child?.kill('SIGTERM')
      const code = child ? await ended(child) : null
      await rm(dataDir, { recursive: true, force: true })
      return code
    },
  }
}

/** A real Chromium without a window. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** Somebody at a browser of his own, and everything that reached it. */
export interface Visitor {
  readonly context: BrowserContext
  readonly page: Page
  /** Every HTTP body and socket frame the page received. */
  received(): Promise<string>
  /** Addresses outside our own origin that the page asked for. */
  readonly foreign: string[]
}

/**
 * Opens a browser of one's own and signs in with a one-time link.
 * @param link the link, as printed by the server
 */
export async function visit(browser: Browser, link: string, viewport = { width: 1440, height: 900 }): Promise<Visitor> {
  const context = await browser.newContext({ viewport })
  const page = await context.newPage()
  const bodies: Promise<string>[] = []
  const frames: string[] = []
  const foreign: string[] = []
  const { origin } = new URL(link)
  page.on('request', (request) => {
    if (/^https?:/.test(request.url()) && new URL(request.url()).origin !== origin) foreign.push(request.url())
  })
  page.on('response', (response) => bodies.push(response.text().catch(() => '')))
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(payload.toString())))
  await page.goto(link)
  await page.getByTestId('conversation-list').waitFor()
  return { context, page, foreign, received: async () => [...(await Promise.all(bodies)), ...frames].join('\n') }
}

/** What the API answers of a conversation that was made. */
export interface Created {
  readonly conversation: { readonly conversation: { readonly id: string } }
}

/** Calls the API from inside a signed-in page, as the person there. */
export async function callFrom<Answer>(page: Page, method: string, path: string, body?: object): Promise<Answer> {
  return page.evaluate(
    async ([method, path, body]) => {
      const answer = await fetch(path, {
        method,
        ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
      })
      if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
      return answer.json()
    },
    [method, path, body] as const,
  )
}
