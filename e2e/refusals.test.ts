import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type App, type Created, callFrom, launchBrowser, startApp, visit } from './harness.ts'

interface Found {
  readonly items: readonly { readonly id: string }[]
}

const longHistory = 160
const scrollEnds = 300
const patiently = { timeout: 10_000 }

let app: App
let browser: Browser
let page: Page
let id: string

/** Cuts the way of requests to an address, all of them or those of one method. */
async function cut(address: string | RegExp, method?: string): Promise<void> {
  await page.route(address, (route) => {
    if (method === undefined || route.request().method() === method) return route.abort()
    return route.continue()
  })
}

async function choose(item: string): Promise<void> {
  await page.locator('.parley-header').getByRole('button', { name: 'More' }).click()
  await page.getByRole('menuitem', { name: item }).click()
}

async function openPanel(): Promise<void> {
  await page.getByRole('button', { name: 'People', exact: true }).click()
  await people().first().waitFor()
}

function people() {
  return page.locator('.parley-panel-section .parley-person')
}

async function expectRefused(within: string, action: string): Promise<void> {
  const notice = page.locator(within).getByTestId('failure-notice')
  await notice.waitFor()
  expect(await notice.textContent()).toContain(`${action} did not work: The server cannot be reached`)
  await notice.getByRole('button', { name: 'Dismiss' }).click()
  await notice.waitFor({ state: 'detached' })
}

beforeAll(async () => {
  app = await startApp()
  browser = await launchBrowser()
  page = (await visit(browser, app.links.get('ana') ?? '')).page
  page.setDefaultTimeout(10_000)
  const others = await Promise.all(
    ['Dana', 'Luis'].map((name) => callFrom<Found>(page, 'GET', `/api/messaging/users?q=${name}`)),
  )
  const created = await callFrom<Created>(page, 'POST', '/api/messaging/conversations', {
    kind: 'external',
    participants: others.map(({ items }) => items[0]?.id),
    subject: 'Refusals',
    firstMessage: { clientKey: 'refusals-first-message', text: 'What came first' },
  })
  id = created.conversation.conversation.id
  const { items } = await callFrom<Found>(page, 'GET', `/api/messaging/conversations/${id}/messages`)
  for (let index = 0; index < longHistory; index += 1) {
    await callFrom(page, 'POST', `/api/messaging/conversations/${id}/messages`, {
      clientKey: `refusals-message-${index}`,
      text: `Line ${index}`,
      audience: index % 2 === 0 ? 'everyone' : 'team',
    })
  }
  await callFrom(page, 'POST', `/api/messaging/conversations/${id}/messages`, {
    clientKey: 'refusals-quoting-one',
    text: 'As was said at first',
    replyTo: items.at(-1)?.id,
  })
}, 90_000)

afterAll(async () => {
  await browser?.close()
  await app?.stop()
})

beforeEach(async () => {
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.goto(`${app.url}/c/${id}`)
  await page.getByTestId('message').first().waitFor()
})

afterEach(() => page.unrouteAll({ behavior: 'ignoreErrors' }))

describe('UI-58 a page that is loaded while the server cannot be reached', () => {
  it('UI-58 says so, and opens when the server is back', async () => {
    const banner = page.getByTestId('connection-banner')
    await cut(/\/(api|socket\.io)\//)
    await page.goto(`${app.url}/inbox`)
    await expect.poll(() => banner.getAttribute('data-state'), patiently).toBe('offline')
    expect(await banner.isVisible()).toBe(true)
    await page.unrouteAll()
    await banner.getByRole('button', { name: 'Try now' }).click()
    await page.getByTestId('conversation-list').waitFor()
  })
})

describe('UI-53 what is refused says so where it was asked for', () => {
  it('UI-53 a status that is not taken', async () => {
    await cut(`**/conversations/${id}`, 'PATCH')
    await choose('Status: Waiting')
    await expectRefused('.parley-header', 'Change status')
    const more = page.locator('.parley-header').getByRole('button', { name: 'More' })
    await expect.poll(() => more.evaluate((element) => element === document.activeElement), patiently).toBe(true)
    await page.unrouteAll()
    await choose('Status: Waiting')
    await page.locator('.parley-header .parley-tag[data-status="waiting"]').waitFor()
    await choose('Status: Open')
  })

  it('UI-53 a conversation one cannot leave stays open', async () => {
    await cut('**/participants/*', 'DELETE')
    await choose('Leave conversation')
    await page.getByRole('dialog').getByRole('button', { name: 'Leave conversation' }).click()
    await expectRefused('.parley-header', 'Leave conversation')
    expect(await page.getByTestId('message').count()).toBeGreaterThan(0)
  })

  it('UI-53 somebody who is not removed stays in the list of people', async () => {
    await openPanel()
    await cut('**/participants/*', 'DELETE')
    await page.getByRole('button', { name: 'Remove Luis', exact: false }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await expectRefused('.parley-panel', 'Remove')
    expect(await people().count()).toBe(3)
  })

  it('UI-53 an archived conversation that is not opened again', async () => {
    await choose('Status: Archived')
    const reopen = page.getByRole('button', { name: 'Reopen' })
    await reopen.waitFor()
    await cut(`**/conversations/${id}`, 'PATCH')
    await reopen.click()
    await page.locator('.parley-composer-closed .parley-failed').waitFor()
    await page.unrouteAll()
    await reopen.click()
    await page.getByTestId('message-input').waitFor()
  })

  it('UI-53 a jump to a quoted message and one to the latest leave the reader where he is', async () => {
    const quote = page.locator('.parley-quote')
    const first = page.locator('[data-testid="message"]', { hasText: 'What came first' })
    await cut(/\/messages\b/)
    await quote.click()
    await expectRefused('.parley-messages', 'Jump to the quoted message')
    expect(await quote.isVisible()).toBe(true)
    await page.unrouteAll()
    await cut('**/messages?**after=**')
    await quote.click()
    await first.waitFor()
    await cut(/\/messages\b/)
    await page.getByTestId('jump-latest').click()
    await expectRefused('.parley-messages', 'Jump to the latest message')
    expect(await first.isVisible()).toBe(true)
    expect(await page.getByTestId('message-list').getAttribute('data-anchor')).toBe('free')
    await page.unrouteAll()
    await page.getByTestId('jump-latest').click()
    await quote.waitFor()
  })
})

/** Goes to the beginning of what is loaded, and finds there that there is more. */
async function getStuck(): Promise<void> {
  await cut('**/messages?**before=**')
  const list = page.getByTestId('message-list')
  const stuck = page.locator('.parley-notice[data-end="before"]')
  await expect
    .poll(async () => {
      await list.evaluate((element) => element.scrollTo(0, 0))
      await page.waitForTimeout(50)
      return [
        await list.getAttribute('data-anchor'),
        await list.evaluate(({ scrollTop }) => scrollTop),
        await stuck.count(),
      ]
    }, patiently)
    .toEqual(['free', 0, 1])
}

describe('UI-55 pages that cannot be loaded', () => {
  it('UI-55 older messages: said over the top, and there after trying again, without moving what is read', async () => {
    await getStuck()
    const list = page.getByTestId('message-list')
    const stuck = page.locator('.parley-notice[data-end="before"]')
    expect(await stuck.textContent()).toContain("Couldn't load older messages")
    await list.evaluate((element) => element.scrollTo(0, 150))
    await page.waitForTimeout(scrollEnds)
    const tenth = await page.getByTestId('message').nth(10).getAttribute('data-message-id')
    const place = async () => (await page.locator(`[data-message-id="${tenth}"]`).boundingBox())?.y ?? Infinity
    const before = await place()
    await page.unrouteAll()
    await stuck.getByRole('button', { name: 'Retry' }).click()
    await stuck.waitFor({ state: 'detached' })
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-testid'))
    await expect.poll(focused, patiently).toBe('message-input')
    await expect.poll(() => list.evaluate((element) => element.scrollTop), patiently).toBeGreaterThan(200)
    expect(Math.abs((await place()) - before)).toBeLessThanOrEqual(2)
  })

  it('UI-55 older messages come by themselves when the connection is back', async () => {
    await getStuck()
    const list = page.getByTestId('message-list')
    const stuck = page.locator('.parley-notice[data-end="before"]')
    await page.unrouteAll()
    await page.context().setOffline(true)
    await expect
      .poll(() => page.getByTestId('connection-banner').getAttribute('data-state'), patiently)
      .not.toBe('online')
    await page.context().setOffline(false)
    await stuck.waitFor({ state: 'detached' })
    await expect.poll(() => list.evaluate((element) => element.scrollTop), patiently).toBeGreaterThan(200)
  })

  it('UI-55 more conversations: said at the end of the list, and there after trying again', async () => {
    await page.route('**/conversations?**', (route) => {
      const url = new URL(route.request().url())
      url.searchParams.set('limit', '4')
      return route.continue({ url: url.href })
    })
    await page.setViewportSize({ width: 1440, height: 300 })
    await page.goto(`${app.url}/c/${id}`)
    const rows = page.getByTestId('conversation-row')
    await expect.poll(() => rows.count(), patiently).toBe(4)
    await cut('**/conversations?**cursor=**')
    const list = page.locator('.parley-rows')
    await list.evaluate((element) => element.scrollTo(0, element.scrollHeight))
    const failed = list.locator('.parley-failed')
    await failed.waitFor()
    expect(await failed.textContent()).toContain("Couldn't load all conversations")
    expect(await rows.count()).toBe(4)
    await page.unroute('**/conversations?**cursor=**')
    await failed.getByRole('button', { name: 'Retry' }).click()
    await expect.poll(() => rows.count(), patiently).toBeGreaterThan(4)
    await failed.waitFor({ state: 'detached' })
  })
})

describe('UI-52, UI-54 the people of a conversation', () => {
  it('UI-54 oneself is online while connected', async () => {
    await openPanel()
    const dot = (name: string) => people().filter({ hasText: name }).getByTestId('presence')
    await expect.poll(() => dot('Ana Ferreira').getAttribute('data-presence'), patiently).toBe('online')
    expect(await dot('Luis').getAttribute('data-presence')).toBe('offline')
  })

  it('UI-52 more people come as one scrolls, and a page that fails is asked for again', async () => {
    await page.route('**/participants?**', (route) => {
      return route.continue({ url: route.request().url().replace('limit=200', 'limit=1') })
    })
    await page.setViewportSize({ width: 1440, height: 200 })
    await openPanel()
    await expect.poll(() => people().count(), patiently).toBe(1)
    await cut('**/participants?**cursor=**')
    const panel = page.locator('.parley-panel')
    await panel.evaluate((element) => element.scrollTo(0, element.scrollHeight))
    const failed = panel.locator('.parley-failed')
    await failed.waitFor()
    expect(await failed.textContent()).toContain("Couldn't load everybody")
    await page.unroute('**/participants?**cursor=**')
    await failed.getByRole('button', { name: 'Retry' }).click()
    await expect.poll(() => people().count(), patiently).toBeGreaterThan(1)
    await expect
      .poll(async () => {
        await panel.evaluate((element) => element.scrollTo(0, element.scrollHeight))
        await panel.evaluate((element) => element.scrollTo(0, 0))
        return people().count()
      }, patiently)
      .toBe(3)
    expect(await failed.count()).toBe(0)
  })
})
