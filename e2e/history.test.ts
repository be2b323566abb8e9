import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, callFrom, launchBrowser, startApp, type Visitor, visit } from './harness.ts'

interface Me {
  readonly user: { readonly id: string }
}

interface SomeMessages {
  readonly items: readonly { readonly id: string }[]
}

const count = 3_000
const mostMounted = 120
const late = 400
const watchedFor = 1_000
const patiently = { timeout: 10_000 }
/** Times are held to their bound where nothing else runs: `PARLEY_MEASURE=on npx vitest run --project e2e e2e/history.test.ts`. */
const measuring = process.env.PARLEY_MEASURE === 'on'
const longestTask = 100

let app: App
let browser: Browser
let ana: Visitor
let luis: Visitor
let conversationId: string
let folder: string

function logLine(index: number): string {
  const at = new Date(Date.UTC(2020, 0, 1, 0, Math.floor(index / 3))).toISOString()
  const text = `message ${index} ${'and more words '.repeat(index % 9)}`.trim()
  return JSON.stringify({ conversation: 'long', index, at, author: `person-${index % 7}`, text })
}

/** Imports a long conversation into the running server, with Ana as somebody who sees it. */
async function importLong(): Promise<string> {
  const me = await callFrom<Me>(ana.page, 'GET', '/api/me')
  const file = join(folder, 'long.jsonl')
  writeFileSync(file, Array.from({ length: count }, (_, index) => logLine(index)).join('\n'))
  const program = join(import.meta.dirname, '../packages/server/bin/parley.js')
  const env = { ...process.env, NODE_ENV: '', PARLEY_DATA_DIR: app.dataDir }
  execFileSync(process.execPath, [program, 'import', file, '--participant', me.user.id], { env, stdio: 'pipe' })
  const list = await callFrom<{ items: { conversation: { id: string; subject: string | null } }[] }>(
    ana.page,
    'GET',
    '/api/messaging/conversations?q=long',
  )
  return list.items[0]?.conversation.id ?? ''
}

/** Opens the conversation at its end: nothing in it is new. */
async function openLong(page: Page): Promise<void> {
  const path = `/api/messaging/conversations/${conversationId}`
  const { conversation } = await callFrom<{ conversation: { seq: number } }>(page, 'GET', path)
  await callFrom(page, 'POST', `${path}/read`, { seq: conversation.seq })
  await page.goto(`${app.url}/c/${conversationId}`)
  await page.getByTestId('message').last().waitFor()
  await expect.poll(() => page.getByTestId('message-list').getAttribute('data-anchor'), patiently).toBe('bottom')
  await expect.poll(() => toEnd(page), patiently).toBeLessThanOrEqual(1)
}

/** Pixels between what is seen last and the end of what is loaded. */
function toEnd(page: Page): Promise<number> {
  return page.getByTestId('message-list').evaluate((list) => list.scrollHeight - list.clientHeight - list.scrollTop)
}

/** Watches a row in the middle of the screen, frame by frame: how far it went from its place, and how much the list grew meanwhile. */
function watchRow(page: Page): Promise<{ readonly drift: number; readonly grown: number }> {
  return page.getByTestId('message-list').evaluate(async (list, duration) => {
    const middle = list.getBoundingClientRect().top + list.clientHeight / 2
    const topOf = (row: Element | null) => row?.getBoundingClientRect().top ?? Infinity
    const rows = [...list.querySelectorAll<HTMLElement>('[data-testid="message"]')]
    const id = rows.find((row) => topOf(row) > middle)?.dataset.messageId
    const place = () => topOf(list.querySelector(`[data-message-id="${id}"]`))
    const [start, height, until] = [place(), list.scrollHeight, performance.now() + duration]
    let drift = 0
    while (performance.now() < until) {
      await new Promise(requestAnimationFrame)
      drift = Math.max(drift, Math.abs(place() - start))
    }
    return { drift, grown: list.scrollHeight - height }
  }, watchedFor)
}

/** Scrolls up from the end, and waits until everything has come that this asks for. */
async function readAbove(page: Page, by: number): Promise<void> {
  await page.getByTestId('message-list').hover()
  await page.mouse.wheel(0, -by)
  await expect.poll(() => page.getByTestId('message-list').getAttribute('data-anchor'), patiently).toBe('free')
  await page.waitForTimeout(500)
}

/** How far the middle of a row is from the middle of the list, in parts of the list's height. */
function fromMiddle(row: Element): number {
  const [list, own] = [row.closest('.parley-scroller'), row].map((one) => one?.getBoundingClientRect())
  if (!list || !own) return Infinity
  return Math.abs(list.top + list.height / 2 - own.top - own.height / 2) / list.height
}

/** The first row that is wholly in view, or the one with an id; with its distance from the top of the list. */
function firstRow(page: Page, id?: string): Promise<{ readonly id: string; readonly top: number }> {
  return page.getByTestId('message-list').evaluate((list, wanted) => {
    const edge = list.getBoundingClientRect().top
    const rows = [...list.querySelectorAll<HTMLElement>('[data-testid="message"]')]
    const place = (row: HTMLElement) => row.getBoundingClientRect().top - edge
    const row = rows.find((one) => (wanted === undefined ? place(one) >= 0 : one.dataset.messageId === wanted))
    return { id: row?.dataset.messageId ?? '', top: row ? place(row) : Infinity }
  }, id)
}

/** Luis says something, many times. */
async function say(times: number): Promise<string[]> {
  const words = Array.from({ length: times }, (_, index) => `Said by Luis, ${performance.now()} ${index}`)
  for (const [index, text] of words.entries()) {
    const clientKey = `history-${performance.now()}-${index}`.replace('.', '-')
    await callFrom(luis.page, 'POST', `/api/messaging/conversations/${conversationId}/messages`, { clientKey, text })
  }
  return words
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-history-'))
  app = await startApp()
  browser = await launchBrowser()
  ana = await visit(browser, app.links.get('ana') ?? '')
  luis = await visit(browser, app.links.get('luis') ?? '')
  conversationId = await importLong()
  const { user } = await callFrom<Me>(luis.page, 'GET', '/api/me')
  await callFrom(ana.page, 'POST', `/api/messaging/conversations/${conversationId}/participants`, {
    userId: user.id,
    history: 'all',
  })
}, 90_000)

afterAll(async () => {
  await browser.close()
  await app.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('a long history', () => {
  it('AC-20 a row stays where it is in every frame while an older page comes in late', async () => {
    const { page } = ana
    await openLong(page)
    await page.route('**/messages?**before=**', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, late))
      await route.continue()
    })
    for (let round = 0; round < 3; round += 1) {
      await expect.poll(() => page.locator('.parley-messages').getAttribute('aria-busy'), patiently).not.toBe('true')
      await page.getByTestId('message-list').evaluate((list) => list.scrollTo(0, 300))
      await expect.poll(() => page.locator('.parley-messages').getAttribute('aria-busy'), patiently).toBe('true')
      const { drift, grown } = await watchRow(page)
      expect(grown).toBeGreaterThan(500)
      expect(drift).toBeLessThanOrEqual(2)
    }
    await page.unrouteAll()
  })

  it('AC-23, AC-24 what comes while one reads above moves nothing; one activation lands on the last row', async () => {
    const { page } = ana
    await openLong(page)
    const list = page.getByTestId('message-list')
    await list.hover()
    await page.mouse.wheel(0, -2_200)
    await expect.poll(() => list.getAttribute('data-anchor'), patiently).toBe('free')
    await expect.poll(() => page.locator('.parley-messages').getAttribute('aria-busy'), patiently).not.toBe('true')
    const watched = watchRow(page)
    await say(10)
    expect((await watched).drift).toBeLessThanOrEqual(1)
    await expect.poll(() => page.getByTestId('jump-latest').getAttribute('data-count'), patiently).toBe('10')
    await page.getByTestId('jump-latest').click()
    await expect.poll(() => toEnd(page), patiently).toBeLessThanOrEqual(1)
    await page.waitForTimeout(2_000)
    expect(await toEnd(page)).toBeLessThanOrEqual(1)
    expect(await page.getByTestId('jump-latest').count()).toBe(0)
  })

  it('UI-56 who scrolls up while messages keep coming gets away from the end', async () => {
    const { page } = ana
    await openLong(page)
    const list = page.getByTestId('message-list')
    await list.hover()
    const talking = say(40)
    await page.locator('[data-testid="message"]', { hasText: 'Said by Luis' }).last().waitFor()
    for (let turn = 0; turn < 5; turn += 1) await page.mouse.wheel(0, -200)
    await talking
    expect(await list.getAttribute('data-anchor')).toBe('free')
    expect(await toEnd(page)).toBeGreaterThan(900)
  })

  it('AC-22 a burst leaves who is at the end at the end', async () => {
    const { page } = ana
    await openLong(page)
    const list = page.getByTestId('message-list')
    await list.evaluate((element) => {
      const modes: (string | null)[] = []
      Object.assign(globalThis, { modes })
      new MutationObserver(() => modes.push(element.getAttribute('data-anchor'))).observe(element, {
        attributeFilter: ['data-anchor'],
      })
    })
    const words = await say(30)
    await page.locator('[data-testid="message"]', { hasText: words.at(-1) ?? '' }).waitFor()
    await expect.poll(() => toEnd(page), patiently).toBeLessThanOrEqual(1)
    expect(await page.evaluate(() => (globalThis as unknown as { modes: string[] }).modes)).toEqual([])
  })

  it('AC-25 rows above that are edited or deleted by somebody else move nothing', async () => {
    const { page } = ana
    await say(40)
    await openLong(page)
    await readAbove(page, 600)
    const above = await page.getByTestId('message-list').evaluate((list) => {
      const edge = list.getBoundingClientRect().top - 60
      const rows = [...list.querySelectorAll<HTMLElement>('[data-testid="message"]')]
      return rows.filter((row) => row.getBoundingClientRect().top < edge).map((row) => row.dataset.messageId)
    })
    const [edited, deleted] = above.slice(-3)
    const watched = watchRow(page)
    await callFrom(luis.page, 'PATCH', `/api/messaging/messages/${edited}`, { text: 'Now longer. '.repeat(60) })
    await callFrom(luis.page, 'DELETE', `/api/messaging/messages/${deleted}`)
    expect((await watched).drift).toBeLessThanOrEqual(2)
  })

  it('AC-26 the last message stays in view while the composer grows and a quote opens', async () => {
    const { page } = ana
    await openLong(page)
    await page.getByTestId('message').last().hover()
    await page.getByTestId('message').last().getByRole('button', { name: 'Reply' }).click()
    await page.getByTestId('message-input').fill('line\n'.repeat(8))
    await expect.poll(() => toEnd(page), patiently).toBeLessThanOrEqual(1)
    expect(await page.getByTestId('message-list').getAttribute('data-anchor')).toBe('bottom')
    await page.getByTestId('message-input').fill('')
    await expect.poll(() => toEnd(page), patiently).toBeLessThanOrEqual(1)
  })

  it('AC-28, AC-31 a jump to a quoted message, near or far, lands with it in the middle, again and again', async () => {
    const { page } = ana
    const address = `/api/messaging/conversations/${conversationId}/messages`
    const recent = await callFrom<SomeMessages>(ana.page, 'GET', address)
    const oldest = await callFrom<SomeMessages>(ana.page, 'GET', `${address}?around=${Math.floor(count / 2)}`)
    const targets = [recent.items.at(-40)?.id ?? '', oldest.items.at(-1)?.id ?? '']
    for (const replyTo of targets) {
      await callFrom(luis.page, 'POST', address, {
        clientKey: `history-quotes-${replyTo}`,
        text: 'As was said',
        replyTo,
      })
    }
    await openLong(page)
    for (const [index, id] of [...targets, ...targets, ...targets].entries()) {
      await page
        .locator('.parley-quote')
        .nth((index % 2) - 2)
        .click()
      const middle = () => page.locator(`[data-message-id="${id}"]`).evaluate(fromMiddle)
      await expect.poll(middle, patiently).toBeLessThanOrEqual(1 / 6)
      await page.getByTestId('jump-latest').click()
      await expect.poll(() => toEnd(page), patiently).toBeLessThanOrEqual(1)
      await expect.poll(() => page.getByTestId('jump-latest').count(), patiently).toBe(0)
    }
  })

  it('AC-91 one message is always reached by Tab, also after the one that had the focus is not loaded any more', async () => {
    const { page } = ana
    await openLong(page)
    const tabStops = () => page.locator('[data-testid="message"][tabindex="0"]').count()
    await page.locator('.parley-quote').last().click()
    await expect.poll(() => page.getByTestId('jump-latest').count(), patiently).toBe(1)
    await page.locator('[data-testid="message"][tabindex="0"]').focus()
    await page.getByTestId('jump-latest').click()
    await expect.poll(() => toEnd(page), patiently).toBeLessThanOrEqual(1)
    expect(await tabStops()).toBe(1)
  })

  it('UI-88 what was said before one left the end is not counted as new while it is loaded again', async () => {
    const { page } = ana
    await openLong(page)
    await page.locator('.parley-quote').last().click()
    const jump = page.getByTestId('jump-latest')
    await expect.poll(() => jump.count(), patiently).toBe(1)
    const list = page.getByTestId('message-list')
    const loaded = () => page.getByTestId('message').last().getAttribute('data-seq')
    const before = await loaded()
    await list.evaluate((element) => element.scrollTo(0, element.scrollHeight))
    await expect.poll(loaded, patiently).not.toBe(before)
    expect(await jump.getAttribute('data-count')).toBe('0')
    await jump.click()
    await expect.poll(() => toEnd(page), patiently).toBeLessThanOrEqual(1)
  })

  it('UI-88 who reads above stays there while he writes in another window', async () => {
    const { page } = ana
    await openLong(page)
    await readAbove(page, 2_200)
    const other = await page.context().newPage()
    await other.goto(`${app.url}/c/${conversationId}`)
    const watched = watchRow(page)
    await other.getByTestId('message-input').fill('from the other window')
    await other.getByTestId('message-input').press('Enter')
    await other.getByTestId('message').filter({ hasText: 'from the other window' }).waitFor()
    expect((await watched).drift).toBeLessThanOrEqual(1)
    expect(await page.getByTestId('message-list').getAttribute('data-anchor')).toBe('free')
    await other.close()
  })

  it('UI-88 who scrolls away from an open editor is not taken back to it by older messages', async () => {
    const { page } = ana
    await openLong(page)
    await page.getByTestId('message-input').fill('')
    await page.getByTestId('message-input').press('ArrowUp')
    await page.getByRole('textbox', { name: 'Edit message' }).waitFor()
    const list = page.getByTestId('message-list')
    await page.route('**/messages?**before=**', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, late))
      await route.continue()
    })
    await list.evaluate((element) => element.scrollTo(0, 300))
    await expect.poll(() => page.locator('.parley-messages').getAttribute('aria-busy'), patiently).toBe('true')
    const { drift, grown } = await watchRow(page)
    expect(grown).toBeGreaterThan(500)
    expect(drift).toBeLessThanOrEqual(2)
    await page.unrouteAll()
    await page.getByTestId('jump-latest').click()
    await page.getByRole('textbox', { name: 'Edit message' }).press('Escape')
  })

  it('AC-27 the first row in view stays where it is when the window or the panel takes room', async () => {
    const { page } = ana
    await openLong(page)
    await readAbove(page, 1_500)
    for (const change of [
      () => page.setViewportSize({ width: 900, height: 900 }),
      () => page.setViewportSize({ width: 1_440, height: 700 }),
      () => page.getByRole('button', { name: 'People', exact: true }).click(),
      () => page.setViewportSize({ width: 1_440, height: 900 }),
    ]) {
      const before = await firstRow(page)
      await change()
      await page.waitForTimeout(500)
      expect(Math.abs((await firstRow(page, before.id)).top - before.top)).toBeLessThanOrEqual(4)
    }
  })

  it('E2E-7 opens at its end and scrolls to its beginning with few rows mounted', async () => {
    const { page } = ana
    await page.addInitScript(() => {
      const tasks: { at: number; duration: number }[] = []
      Object.assign(globalThis, { tasks })
      new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries()) tasks.push({ at: startTime, duration })
      }).observe({ type: 'longtask' })
    })
    await openLong(page)
    const opened = await page.evaluate(() => performance.now())
    await page.getByTestId('message-list').hover()
    const start = page.locator('.parley-start')
    let mounted = 0
    for (let step = 0; step < 900 && (await start.count()) === 0; step += 1) {
      for (let turn = 0; turn < 5; turn += 1) await page.mouse.wheel(0, -2_500)
      mounted = Math.max(mounted, await page.locator('[data-testid="message"]').count())
    }
    const seen = async () => {
      await page.mouse.wheel(0, -2_500)
      return start.isVisible()
    }
    await expect.poll(seen, patiently).toBe(true)
    expect(mounted).toBeLessThanOrEqual(mostMounted)
    const longest = await page.evaluate((from) => {
      const { tasks } = globalThis as unknown as { tasks: { at: number; duration: number }[] }
      return Math.max(0, ...tasks.filter(({ at }) => at > from).map(({ duration }) => duration))
    }, opened)
    if (measuring) expect(longest).toBeLessThanOrEqual(longestTask)
    expect(await page.getByText('message 0', { exact: true }).count()).toBeGreaterThan(0)
  }, 180_000)
})
