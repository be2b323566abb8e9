import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type App, launchBrowser, startApp } from './harness.ts'

let app: App
let browser: Browser
let page: Page

/** Keeps back the first answer to who is here, until it is told to let it through. */
async function holdFirstAnswer(): Promise<{ readonly asked: Promise<void>; readonly letThrough: () => void }> {
  const [asked, through] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let first = true
  await page.route('**/api/me', async (route) => {
    if (!first) return route.continue()
    first = false
    const response = await route.fetch()
    asked.resolve()
    await through.promise
    await route.fulfill({ response })
  })
  return { asked: asked.promise, letThrough: through.resolve }
}

beforeAll(async () => {
  app = await startApp()
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  await app?.stop()
})

beforeEach(async () => {
  page = await (await browser.newContext()).newPage()
})

it('UI-76 a session that a link has just begun does not end by what was asked before it', async () => {
  const { asked, letThrough } = await holdFirstAnswer()
  await page.goto(app.links.get('ana') ?? '')
  await asked
  await page.getByTestId('conversation-row').first().waitFor()
  const answered = page.waitForResponse('**/api/me')
  letThrough()
  await answered
  await page.getByTestId('conversation-row').first().click()
  await page.getByTestId('message-input').waitFor()
  expect(await page.getByLabel('Password').count()).toBe(0)
})
