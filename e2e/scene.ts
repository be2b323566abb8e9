import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { type App, type Created, callFrom, launchBrowser, startApp, visit } from './harness.ts'

/** Ana of the team and Dana, her client, at a browser of their own, with two conversations. Importing this module sets the scene. */
export let app: App
export let page: Page
export let dana: Page
/** Of the conversations "rudders", where each test begins, and "sails". */
export let ids: readonly string[]
export let browser: Browser

beforeAll(async () => {
  app = await startApp()
  browser = await launchBrowser()
  dana = (await visit(browser, app.links.get('dana') ?? '')).page
  page = (await visit(browser, app.links.get('ana') ?? '')).page
  ids = [await converse('rudders'), await converse('sails')]
})

afterAll(async () => {
  await browser?.close()
  await app?.stop()
})

beforeEach(async () => {
  await page.goto(`${app.url}/c/${ids[0]}`)
  await said('About rudders').waitFor()
})

/** Where Ana writes. */
export function field(): Locator {
  return page.getByTestId('message-input')
}

/** Messages that hold a text. */
export function said(text: string): Locator {
  return page.getByTestId('message').filter({ hasText: text })
}

/** The choice between a reply and a note. */
export function tab(name: RegExp): Locator {
  return page.getByRole('tab', { name })
}

/** For whom Ana writes. */
export function audience(): Promise<string | null> {
  return page.getByTestId('composer').getAttribute('data-audience')
}

/** Begins a conversation of Ana and Dana. Answers its id. */
export async function converse(subject: string): Promise<string> {
  const { user } = await callFrom<{ user: { id: string } }>(dana, 'GET', '/api/me')
  const { conversation } = await callFrom<Created>(page, 'POST', '/api/messaging/conversations', {
    kind: 'external',
    participants: [user.id],
    subject,
    firstMessage: { clientKey: `first-${subject.replaceAll(' ', '-')}`, text: `About ${subject}` },
  })
  return conversation.conversation.id
}

/** Opens a conversation from the list. */
export async function open(subject: string): Promise<void> {
  await page.getByTestId('conversation-row').filter({ hasText: subject }).click()
  await page.getByRole('heading', { level: 1, name: subject }).waitFor()
  await said(`About ${subject}`).waitFor()
}

/** Keeps from now on what Ana's screen reader is told; see {@link spoken}. */
export async function listen(): Promise<void> {
  await page.evaluate(() => {
    const region = document.querySelector('[data-testid="announcer-polite"]') as Node
    const spoken: string[] = []
    Object.assign(globalThis, { spoken })
    const hear = () => region.textContent && spoken.push(region.textContent)
    new MutationObserver(hear).observe(region, { childList: true, characterData: true, subtree: true })
  })
}

/** What Ana's screen reader was told since one listens, in one line. */
export function spoken(): Promise<string> {
  return page.evaluate(() => (globalThis as unknown as { spoken: string[] }).spoken.join('; '))
}
