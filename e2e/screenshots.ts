import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { type App, launchBrowser, startApp } from './harness.ts'

const folder = join(import.meta.dirname, '../docs/images')
const sizes = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } } as const
const schemes = ['light', 'dark'] as const
const settled = 900

async function capture(page: Page, name: string): Promise<void> {
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport)
    for (const colorScheme of schemes) {
      await page.emulateMedia({ colorScheme })
      await page.waitForTimeout(settled)
      await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`) })
    }
  }
}

async function captureSignIn(browser: Browser, app: App): Promise<void> {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(`${app.url}/sign-in`)
  await capture(page, 'sign-in')
  await context.close()
}

async function captureMessaging(context: BrowserContext, app: App): Promise<void> {
  const page = await context.newPage()
  await page.goto(app.links.get('ana') ?? app.url)
  await page.getByTestId('conversation-row').first().waitFor()
  await capture(page, 'inbox')
  const [first] = await page
    .getByTestId('conversation-row')
    .evaluateAll((rows) => rows.map((row) => row.dataset.conversationId))
  await page.goto(`${app.url}/c/${first}`)
  await page.getByTestId('message').first().waitFor()
  await capture(page, 'conversation')
  await page.goto(`${app.url}/new`)
  await page.getByRole('combobox').fill('Dan')
  await page.getByRole('option').first().waitFor()
  await page.getByRole('combobox').press('Enter')
  await page.getByLabel('Title (optional)').fill('Kick-off for the spring catalogue')
  await page
    .getByLabel('First message')
    .fill('Hello Dana, shall we find half an hour this week to go through the pages?')
  await capture(page, 'new-conversation')
}

mkdirSync(folder, { recursive: true })
const app = await startApp()
const browser = await launchBrowser()
try {
  await captureSignIn(browser, app)
  await captureMessaging(await browser.newContext(), app)
} finally {
  await browser.close()
  await app.stop()
}
