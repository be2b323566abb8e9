import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, type Created, callFrom, launchBrowser, startApp, visit } from './harness.ts'

const longWord = 'Donaudampfschifffahrtsgesellschaftskapitän'.repeat(12)

let app: App
let browser: Browser
let page: Page
let long: string

async function at(width: number, path: string, height = 800): Promise<void> {
  await page.setViewportSize({ width, height })
  await page.goto(`${app.url}${path}`)
  await page.locator('.parley-layout').waitFor()
}

async function openLong(width: number, height?: number): Promise<void> {
  await at(width, `/c/${long}`, height)
  await page.getByTestId('message').first().waitFor()
}

/** Boxes that stick out of the window sideways, and boxes that can be scrolled sideways; code and chips may. */
function sticksOut(): Promise<string[]> {
  return page.evaluate(() => {
    const mayScroll = 'pre, .parley-filters, .parley-filters *, .parley-hidden, textarea'
    return [...document.querySelectorAll<HTMLElement>('[data-parley-root] *')]
      .filter((element) => !element.matches(mayScroll) && element.checkVisibility() && !element.closest('svg'))
      .filter((element) => {
        const { left, right } = element.getBoundingClientRect()
        const scrolls = ['auto', 'scroll'].includes(getComputedStyle(element).overflowX)
        const wider = scrolls && element.scrollWidth > element.clientWidth
        return right > innerWidth + 1 || left < -1 || wider
      })
      .map((element) => `${element.tagName}.${element.className}`)
  })
}

async function expectNoSidewaysScroll(): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  expect(await sticksOut()).toEqual([])
}

function visible(selector: string): Promise<boolean> {
  return page.locator(selector).first().isVisible()
}

beforeAll(async () => {
  app = await startApp()
  browser = await launchBrowser()
  page = (await visit(browser, app.links.get('ana') ?? '')).page
  page.setDefaultTimeout(10_000)
  const { items } = await callFrom<{ items: { id: string }[] }>(page, 'GET', '/api/messaging/users?q=Dana')
  const created = await callFrom<Created>(page, 'POST', '/api/messaging/conversations', {
    kind: 'external',
    participants: [items[0]?.id],
    subject: longWord.slice(0, 190),
    context: { type: 'project', id: 'p-1', title: longWord.slice(0, 190), url: null },
    firstMessage: { clientKey: 'layouts-first-message', text: `${longWord}\n\n> ${longWord}\n\n\`${longWord}\`` },
  })
  long = created.conversation.conversation.id
}, 90_000)

afterAll(async () => {
  await browser?.close()
  await app?.stop()
})

describe('UI-20 three layouts by the width of the container', () => {
  it('UI-20 wide: list, conversation and people stand side by side', async () => {
    await openLong(1440)
    await page.getByRole('button', { name: 'People', exact: true }).click()
    await page.locator('.parley-panel').waitFor()
    const boxes = await Promise.all(
      ['.parley-list', '.parley-conversation', '.parley-panel'].map((each) => page.locator(each).boundingBox()),
    )
    const [list, conversation, panel] = boxes
    expect((list?.x ?? 0) + (list?.width ?? 0)).toBeLessThanOrEqual((conversation?.x ?? 0) + 1)
    expect((conversation?.x ?? 0) + (conversation?.width ?? 0)).toBeLessThanOrEqual((panel?.x ?? 0) + 1)
    expect(await visible('.parley-back')).toBe(false)
    await expectNoSidewaysScroll()
  })

  it('UI-52 the people who are known already are there while the others are on their way, and when they cannot be loaded', async () => {
    const asked = Promise.withResolvers<void>()
    const refuse = Promise.withResolvers<void>()
    await page.route('**/participants?**', async (route) => {
      asked.resolve()
      await refuse.promise
      await route.abort()
    })
    await openLong(1440)
    await page.getByRole('button', { name: 'People', exact: true }).click()
    await asked.promise
    const people = page.locator('.parley-panel-section .parley-person')
    await expect.poll(() => people.count()).toBe(2)
    const refused = page.waitForEvent('requestfailed')
    refuse.resolve()
    await refused
    await page.unroute('**/participants?**')
    await expect.poll(() => people.count()).toBe(2)
  })

  it('UI-21 medium: list and conversation; the people lie over the conversation', async () => {
    await openLong(900)
    const before = await page.locator('.parley-conversation').boundingBox()
    await page.getByRole('button', { name: 'People', exact: true }).click()
    await page.locator('.parley-panel').waitFor()
    expect(await page.locator('.parley-conversation').boundingBox()).toEqual(before)
    expect(await visible('.parley-list')).toBe(true)
    await expectNoSidewaysScroll()
  })

  it('UI-22 narrow: one thing at a time, with a way back that keeps the place and the focus', async () => {
    await at(390, '/inbox')
    const row = page.locator(`[data-conversation-id="${long}"]`)
    await row.click()
    await page.getByTestId('message').first().waitFor()
    expect(await visible('.parley-list')).toBe(false)
    expect(await visible('.parley-rail')).toBe(false)
    await page.getByRole('button', { name: 'Back to conversations' }).click()
    await row.waitFor()
    expect(await visible('.parley-conversation')).toBe(false)
    await expect.poll(() => row.evaluate((element) => element === document.activeElement)).toBe(true)
  })

  it('UI-22 narrow: a new conversation stands alone, and the way back leads to the list', async () => {
    await at(390, '/inbox')
    await page.getByTestId('conversation-row').first().waitFor()
    await page.getByRole('button', { name: 'New conversation' }).first().click()
    await page.getByLabel('First message').waitFor()
    expect(await visible('.parley-list')).toBe(false)
    expect((await page.locator('.parley-form').boundingBox())?.y).toBeLessThan(20)
    await page.getByRole('button', { name: 'Back to conversations' }).click()
    await page.getByTestId('conversation-row').first().waitFor()
  })

  it('UI-22 narrow: the back button of the browser is the same way back', async () => {
    await at(390, '/inbox')
    await page.getByTestId('conversation-row').first().click()
    await page.getByTestId('message').first().waitFor()
    await page.goBack()
    await page.getByTestId('conversation-row').first().waitFor()
    expect(await visible('.parley-conversation')).toBe(false)
  })

  it('UI-22 narrow: the arrow and closing the people go back in the history, they add nothing to it', async () => {
    await at(390, '/inbox')
    await page.getByTestId('conversation-row').first().click()
    await page.getByRole('button', { name: 'People', exact: true }).click()
    await page.locator('.parley-panel').getByRole('button', { name: 'Close' }).click()
    await page.locator('.parley-panel').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Back to conversations' }).click()
    await page.getByTestId('conversation-row').first().waitFor()
    await page.goForward()
    await page.getByTestId('message').first().waitFor()
    await page.goForward()
    await page.locator('.parley-panel').waitFor()
    await at(390, `/c/${long}`)
    await page.getByRole('button', { name: 'Back to conversations' }).click()
    await page.getByTestId('conversation-row').first().waitFor()
  })
})

describe('UI-23 no sideways scrolling, whatever the words and the width', () => {
  it.each([320, 390, 640, 1024])('UI-23 at %i px the longest words break', async (width) => {
    await openLong(width)
    await expectNoSidewaysScroll()
    await at(width, '/inbox')
    await page.getByTestId('conversation-row').first().waitFor()
    await expectNoSidewaysScroll()
    await at(width, '/new')
    await page.getByLabel('First message').waitFor()
    await expectNoSidewaysScroll()
    await at(width, `/c/${long}/panel/people`)
    await page.locator('.parley-panel').waitFor()
    await expectNoSidewaysScroll()
  })

  it('UI-24 with text of twice the size everything stays within reach', async () => {
    await openLong(1280, 800)
    await page.evaluate(() => {
      document.documentElement.style.fontSize = '200%'
    })
    await expectNoSidewaysScroll()
    for (const control of ['message-input', 'send-button', 'conversation-list']) {
      const box = await page.getByTestId(control).boundingBox()
      expect((box?.y ?? 0) + (box?.height ?? 900), control).toBeLessThanOrEqual(801)
    }
  })

  it('UI-24 at a zoom of 200 % of a small window the narrow layout serves', async () => {
    await openLong(320, 400)
    expect(await visible('.parley-back')).toBe(true)
    const list = await page.getByTestId('message-list').boundingBox()
    expect(list?.height ?? 0).toBeGreaterThan(100)
    await expectNoSidewaysScroll()
  })
})

describe('UI-25 less motion and other directions', () => {
  it('UI-25 nothing moves when the person asked for less motion', async () => {
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await openLong(1440)
    await page.locator('.parley-header').getByRole('button', { name: 'More', exact: true }).click()
    await page.getByRole('menu').waitFor()
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0)
    await page.emulateMedia({ reducedMotion: 'no-preference' })
  })

  it('UI-26 from right to left the panes are mirrored', async () => {
    await openLong(1440)
    await page.evaluate(() => {
      document.documentElement.dir = 'rtl'
    })
    const list = await page.locator('.parley-list').boundingBox()
    const conversation = await page.locator('.parley-conversation').boundingBox()
    expect(list?.x ?? 0).toBeGreaterThan(conversation?.x ?? 0)
    await expectNoSidewaysScroll()
  })

  it('UI-82 on a touch screen Enter begins a line, in the editor too', async () => {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
    await context.addCookies(await page.context().cookies())
    const phone = await context.newPage()
    await phone.goto(`${app.url}/c/${long}`)
    await phone.getByTestId('message').first().waitFor()
    const field = phone.getByTestId('message-input')
    await field.press('ArrowUp')
    const editor = phone.getByRole('textbox', { name: 'Edit message' })
    for (const where of [editor, field]) {
      await where.fill('first')
      await where.press('Enter')
      await where.pressSequentially('second')
      expect(await where.inputValue()).toBe('first\nsecond')
    }
    await context.close()
  })

  it('UI-27 on a touch screen every control is at least 44 px high and wide enough', async () => {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
    await context.addCookies(await page.context().cookies())
    const phone = await context.newPage()
    for (const path of ['/inbox', `/c/${long}`, '/new']) {
      await phone.goto(`${app.url}${path}`)
      await phone
        .locator('[data-testid="conversation-row"], [data-testid="message"]')
        .first()
        .waitFor({ state: 'attached' })
      const small = await phone.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('button, input, textarea')]
          .filter((element) => element.checkVisibility() && !element.closest('.parley-text, .parley-actions'))
          .map((element) => ({ name: element.className, box: element.getBoundingClientRect() }))
          .filter(({ box }) => box.height < 44 || box.width < 44)
          .map(({ name, box }) => `${name} ${box.width} x ${box.height}`),
      )
      expect(small, path).toEqual([])
    }
    await context.close()
  })
})
