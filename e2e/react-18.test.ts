import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import type { Browser } from 'playwright-core'
import { version } from 'react'
import { build } from 'vite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type App, launchBrowser, startApp } from './harness.ts'

const web = join(import.meta.dirname, '../apps/web')

let app: App
let browser: Browser
let program: string

/** The application's program, with the React that this folder depends on in place of its own. */
async function buildWithOurReact(): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), 'parley-react-18-'))
  const ours = (name: string) => join(import.meta.dirname, 'node_modules', name)
  try {
    await build({
      root: web,
      configFile: false,
      logLevel: 'error',
      plugins: [react()],
      resolve: { alias: { react: ours('react'), 'react-dom': ours('react-dom') } },
      build: { outDir, emptyOutDir: true, target: 'es2023', modulePreload: { polyfill: false } },
    })
    const [name = ''] = (await readdir(join(outDir, 'assets'))).filter((file) => file.endsWith('.js'))
    return await readFile(join(outDir, 'assets', name), 'utf8')
  } finally {
    await rm(outDir, { recursive: true, force: true })
  }
}

beforeAll(async () => {
  const starting = startApp()
  program = await buildWithOurReact()
  app = await starting
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  await app?.stop()
})

it('UI-59 the components work with React 18: signing in, list, messages, dialogs, menus, nothing in the console', async () => {
  expect(version).toMatch(/^18\./)
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
  const faults: string[] = []
  page.on('console', (entry) => {
    const beforeSignIn = entry.text().includes('401')
    if (entry.type() === 'error' && !beforeSignIn) faults.push(entry.text())
  })
  page.on('pageerror', (error) => faults.push(error.message))
  await page.route('**/assets/*.js', (route) => route.fulfill({ body: program, contentType: 'text/javascript' }))

  await page.goto(app.links.get('ana') ?? '')
  await page.getByTestId('conversation-row').first().click()
  await page.getByTestId('message-input').fill('Written with React 18')
  await page.getByTestId('message-input').press('Enter')
  const row = page.getByTestId('message').filter({ hasText: 'Written with React 18' })
  await row.and(page.locator('[data-status="sent"], [data-status="delivered"], [data-status="read"]')).waitFor()

  await row.hover()
  await row.getByRole('button', { name: 'More' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('button', { name: 'New conversation' }).first().click()
  await page.getByRole('combobox').first().fill('da')
  await page.getByRole('option', { name: /Dana/ }).waitFor()
  expect(faults).toEqual([])
})
