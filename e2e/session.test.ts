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

it('UI-86 a link that cannot be tried now is not called used, and works when it is tried again', async () => {
  await page.route('**/api/auth/**', (route) => route.abort())
  await page.goto(app.links.get('luis') ?? '')
  await page.getByText("Couldn't sign you in with this link").waitFor()
  await page.unrouteAll()
  await page.getByRole('button', { name: 'Retry' }).click()
  await page.getByTestId('conversation-row').first().waitFor()
})

it('UI-86 who opens a used link goes on as soon as he is signed in', async () => {
  await page.goto(app.links.get('luis') ?? '')
  await page.getByText('This link was used before or has expired').waitFor()
  const link = new URL(app.links.get('dana') ?? '').hash.slice(1)
  const other = await page.context().newPage()
  await other.goto(`${app.url}/link#${link}`)
  await other.getByTestId('conversation-row').first().waitFor()
  await page.reload()
  await page.getByTestId('conversation-row').first().waitFor()
  expect(page.url()).toContain('/inbox')
})

it('UI-87 who signs out without a network is told that the server does not know, and can tell it later', async () => {
  const context = browser.contexts().find((one) => one.pages().some((each) => each.url().includes('/inbox')))
  const here = context?.pages()[0]
  if (!here) throw new Error('Nobody is signed in')
  await here.route('**/api/auth/sign-out', (route) => route.abort())
  await here.getByRole('button', { name: 'Your account' }).click()
  await here.getByRole('menuitem', { name: 'Sign out' }).click()
  const warning = here.getByRole('alert').filter({ hasText: "the server couldn't be told" })
  await warning.waitFor()
  await here.unrouteAll()
  await warning.getByRole('button', { name: 'Retry' }).click()
  await warning.waitFor({ state: 'detached' })
  await here.reload()
  await here.getByLabel('Password').waitFor()
})
