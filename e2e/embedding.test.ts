import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Person, person, signToken } from '@parley/testing'
import react from '@vitejs/plugin-react'
import type { Browser, Page } from 'playwright-core'
import { version } from 'react'
import { build, type InlineConfig, type PreviewServer, preview } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { parley } from '../packages/server/src/cli/test/parley.ts'
import { type App, launchBrowser, startApp } from './harness.ts'

const secret = randomBytes(32).toString('base64url')
const hana = { id: 'hana', role: 'member', workspace: 'orders' } as const

let app: App
let browser: Browser
let folder: string
let host: PreviewServer
let page: Page
let colleague: Person
let faults: string[]

/** The host's page, in the React that this folder depends on, as its developers see it: not minified, with all warnings. */
async function serveHost(): Promise<PreviewServer> {
  folder = await mkdtemp(join(tmpdir(), 'parley-host-'))
  const ours = (name: string) => join(import.meta.dirname, 'node_modules', name)
  const settings = {
    root: join(import.meta.dirname, 'host'),
    configFile: false as const,
    logLevel: 'error' as const,
    plugins: [react()],
    resolve: { alias: { react: ours('react'), 'react-dom': ours('react-dom') } },
    build: { outDir: folder, emptyOutDir: true, minify: false, target: 'es2023' },
  } satisfies InlineConfig
  await build(settings)
  return preview({ ...settings, preview: { port: 0, host: '127.0.0.1' } })
}

function command(...args: string[]) {
  return parley({ PATH: process.env.PATH, PARLEY_DATA_DIR: app.dataDir }, args)
}

const writing = () => page.getByTestId('message-input')
const said = (text: string) => page.getByTestId('message').filter({ hasText: text })

beforeAll(async () => {
  host = await serveHost()
  const { port } = host.httpServer.address() as AddressInfo
  app = await startApp({ PARLEY_JWT_SECRET: secret, PARLEY_ALLOWED_ORIGINS: `http://127.0.0.1:${port}` })
  browser = await launchBrowser()
  const target = { url: app.url, config: { jwt: { secret } } }
  await person(target, hana)
  colleague = await person(target, { id: 'kim', role: 'member', workspace: 'orders' })
  await colleague.call('createConversation', {
    kind: 'internal',
    participants: ['hana'],
    subject: 'Order 4711',
    firstMessage: { clientKey: 'order-4711-first', text: 'Is it on its way?' },
  })
})

afterAll(async () => {
  await browser?.close()
  await host?.close()
  await app?.stop()
  await rm(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  faults = []
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
  page.on('console', (entry) => entry.type() === 'error' && faults.push(entry.text()))
  page.on('pageerror', (error) => faults.push(error.message))
  await page.exposeFunction('fetchToken', () => signToken({ url: app.url, config: { jwt: { secret } } }, hana))
  const { port } = host.httpServer.address() as AddressInfo
  await page.goto(`http://127.0.0.1:${port}/?server=${encodeURIComponent(app.url)}`)
  await page.getByTestId('conversation-row').first().click()
  await said('Is it on its way?').waitFor()
})

afterEach(() => page.context().close())

it('UI-59 in the page of a host with React 18 and strict mode: messages, menus, dialogs, nothing in the console', async () => {
  expect(version).toMatch(/^18\./)
  await writing().fill('It left this morning')
  await writing().press('Enter')
  await said('It left this morning').and(page.locator('[data-status="sent"], [data-status="read"]')).waitFor()
  await said('It left this morning').hover()
  await said('It left this morning').getByRole('button', { name: 'More' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('button', { name: 'New conversation' }).first().click()
  await page.getByRole('combobox').first().fill('ki')
  await page.getByRole('option', { name: /Kim/ }).waitFor()
  expect(faults).toEqual([])
})

it('UI-59 CL-50 what is written is kept when the page is left at once', async () => {
  await writing().fill('half a sentence')
  await page.waitForTimeout(50)
  await page.reload()
  await page.getByTestId('conversation-row').first().click()
  await expect.poll(() => writing().inputValue(), { timeout: 5_000 }).toBe('half a sentence')
  await writing().fill('')
})

it('UI-60 who is shut out sees that the page has to sign in, and no form that cannot; once let in again, everything', async () => {
  expect((await command('user', 'deactivate', 'hana', '--workspace', 'orders')).code).toBe(0)
  await page.getByText("You're not signed in to messages").waitFor()
  expect(await page.getByLabel('Password').count()).toBe(0)
  expect(await page.getByTestId('message').count()).toBe(0)
  await page.getByRole('button', { name: 'Retry' }).click()
  expect((await command('user', 'activate', 'hana', '--workspace', 'orders')).code).toBe(0)
  await page.getByRole('button', { name: 'Retry' }).click()
  await said('Is it on its way?').waitFor()
})
