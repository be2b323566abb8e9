import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type App, type Created, callFrom, launchBrowser, startApp, visit } from './harness.ts'

let app: App
let browser: Browser
let page: Page
let other: Page
let otherId: string
let count = 0

const patiently = { timeout: 10_000 }
const list = () => page.getByTestId('message-list')
const said = (text: string) => page.getByTestId('message').filter({ hasText: text })
const anchor = () => list().getAttribute('data-anchor')
const toEnd = () => list().evaluate((one) => one.scrollHeight - one.clientHeight - one.scrollTop)

async function converse(subject: string): Promise<string> {
  const { conversation } = await callFrom<Created>(other, 'POST', '/api/messaging/conversations', {
    kind: 'internal',
    participants: [otherId],
    subject,
  })
  return conversation.conversation.id
}

async function say(id: string, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    count += 1
    const body = { clientKey: `opening-${count}`, text }
    await callFrom(other, 'POST', `/api/messaging/conversations/${id}/messages`, body)
  }
}

const numbered = (name: string, many: number) => Array.from({ length: many }, (_, index) => `${name} ${index + 1}.`)

async function open(id: string): Promise<void> {
  await page.goto(`${app.url}/c/${id}`)
  await page.getByTestId('message').last().waitFor()
}

async function unreadIn(id: string): Promise<number> {
  const path = `/api/messaging/conversations/${id}`
  const { conversation } = await callFrom<{ conversation: { unread: number } }>(page, 'GET', path)
  return conversation.unread
}

/** Where a row stands in the list, from 0 at its top to 1 at its end. */
function placeOf(testId: string): Promise<number> {
  return list().evaluate((one, id) => {
    const top = one.querySelector(`[data-testid="${id}"]`)?.getBoundingClientRect().top ?? Number.NaN
    return (top - one.getBoundingClientRect().top) / one.clientHeight
  }, testId)
}

beforeAll(async () => {
  app = await startApp()
  browser = await launchBrowser()
  other = (await visit(browser, app.links.get('luis') ?? '')).page
  page = (await visit(browser, app.links.get('ana') ?? '')).page
  otherId = (await callFrom<{ user: { id: string } }>(page, 'GET', '/api/me')).user.id
})

afterAll(async () => {
  await browser?.close()
  await app?.stop()
})

it('UI-73 with more new messages than a page holds, it opens at the first of them and reads what is seen only; sending leads to the end', async () => {
  const id = await converse('many new ones')
  await say(id, numbered('new', 150))
  await open(id)
  await expect.poll(() => placeOf('new-divider'), patiently).toBeGreaterThan(0.15)
  expect(await placeOf('new-divider')).toBeLessThan(0.35)
  expect(await page.getByTestId('new-divider').textContent()).toContain('150')
  expect(await anchor()).toBe('free')
  await said('new 1.').waitFor()
  await page.mouse.move(700, 400)
  await expect.poll(() => unreadIn(id), patiently).toBeLessThan(150)
  expect(await unreadIn(id)).toBeGreaterThan(100)
  expect(await page.getByTestId('new-divider').textContent()).toContain('150')

  await page.getByTestId('message-input').fill('said from far above the end')
  await page.getByTestId('message-input').press('Enter')
  await said('said from far above the end').waitFor()
  await expect.poll(toEnd, patiently).toBeLessThanOrEqual(1)
})

it('UI-73 what is new and fits is seen from the end', async () => {
  const id = await converse('few new ones')
  await say(id, numbered('few', 3))
  await open(id)
  await expect.poll(anchor).toBe('bottom')
  await page.getByTestId('new-divider').waitFor()
  expect(await toEnd()).toBeLessThanOrEqual(1)
})

it('UI-74 who leaves in the middle and comes back finds his place', async () => {
  const [long, short] = [await converse('long'), await converse('short')]
  await say(long, numbered('line', 60))
  await say(short, ['in short'])
  await open(long)
  await page.getByTestId('jump-latest').click()
  await expect.poll(toEnd, patiently).toBeLessThanOrEqual(1)
  await page.mouse.move(700, 400)
  await expect.poll(() => unreadIn(long), patiently).toBe(0)
  await page.mouse.wheel(0, -900)
  await expect.poll(anchor).toBe('free')
  await page.waitForTimeout(200)
  const topRow = () =>
    list().evaluate((one) => {
      const edge = one.getBoundingClientRect().top
      const rows = [...one.querySelectorAll<HTMLElement>('[data-testid="message"]')]
      const row = rows.find((each) => each.getBoundingClientRect().bottom > edge + 1)
      return { id: row?.dataset.messageId, top: Math.round((row?.getBoundingClientRect().top ?? 0) - edge) }
    })
  const before = await topRow()
  const row = (subject: string) => page.getByTestId('conversation-row').filter({ hasText: subject })
  await row('short').click()
  await said('in short').waitFor()
  await row('long').click()
  await expect.poll(async () => (await topRow()).id, patiently).toBe(before.id)
  await expect.poll(async () => Math.abs((await topRow()).top - before.top)).toBeLessThanOrEqual(2)
})

it('UI-75 what comes while nobody is there stays unread, though the list scrolls by itself', async () => {
  const id = await converse('unattended')
  await say(id, numbered('seen', 40))
  await open(id)
  await page.getByTestId('jump-latest').or(said('seen 40.')).first().click()
  await page.mouse.move(600, 300)
  const status = () => other.getByTestId('message').filter({ hasText: 'while away' }).last().getAttribute('data-status')
  await other.goto(`${app.url}/c/${id}`)
  await expect.poll(toEnd, patiently).toBeLessThanOrEqual(1)
  await page.waitForTimeout(700)
  await say(id, ['while away'])
  await said('while away').waitFor()
  await expect.poll(status, patiently).toBe('delivered')
  await page.waitForTimeout(1_800)
  expect(await status()).toBe('delivered')
  await page.mouse.move(620, 320)
  await expect.poll(status, patiently).toBe('read')
})
