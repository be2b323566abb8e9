import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, type Created, callFrom, launchBrowser, startApp, type Visitor, visit } from './harness.ts'

interface Me {
  readonly user: { readonly id: string }
}

let app: App
let browser: Browser
let ana: Visitor
let dana: Visitor
let conversationId: string

function rows(page: Page, text: string) {
  return page.locator('[data-testid="message"]', { hasText: text })
}

async function write(page: Page, text: string): Promise<void> {
  await page.getByTestId('message-input').fill(text)
  await page.getByTestId('message-input').press('Enter')
}

async function statuses(page: Page, text: string, last: string): Promise<string[]> {
  const seen: string[] = []
  await expect
    .poll(
      async () => {
        const status = await rows(page, text).last().getAttribute('data-status')
        if (status && seen.at(-1) !== status) seen.push(status)
        return status
      },
      { timeout: 10_000, interval: 10 },
    )
    .toBe(last)
  return seen
}

beforeAll(async () => {
  app = await startApp()
  browser = await launchBrowser()
  ana = await visit(browser, app.links.get('ana') ?? '')
  dana = await visit(browser, app.links.get('dana') ?? '')
  const client = await callFrom<Me>(dana.page, 'GET', '/api/me')
  const created = await callFrom<Created>(ana.page, 'POST', '/api/messaging/conversations', {
    kind: 'external',
    participants: [client.user.id],
    subject: 'Launch checklist',
    firstMessage: { clientKey: 'e2e-first-message', text: 'Shall we go through the list?' },
  })
  conversationId = created.conversation.conversation.id
  for (const { page } of [ana, dana]) {
    await page.goto(`${app.url}/c/${conversationId}`)
    await rows(page, 'Shall we go through the list?').waitFor()
  }
}, 90_000)

afterAll(async () => {
  await browser?.close()
  await app?.stop()
})

describe('two people of different organizations', () => {
  it('E2E-1 text written on one screen appears on the other', async () => {
    await write(ana.page, 'The contract is signed')
    await rows(dana.page, 'The contract is signed').waitFor({ timeout: 5_000 })
    await write(dana.page, 'Great, thank you')
    await rows(ana.page, 'Great, thank you').waitFor({ timeout: 5_000 })
  })

  it('E2E-2 ticks go from sending to sent, delivered and read', async () => {
    await dana.page.mouse.move(700, 400)
    await write(ana.page, 'Did this arrive?')
    const seen = await statuses(ana.page, 'Did this arrive?', 'delivered').catch(() => [])
    await dana.page.getByTestId('message-list').click({ position: { x: 200, y: 10 } })
    const all = [...seen, ...(await statuses(ana.page, 'Did this arrive?', 'read'))]
    const order = ['queued', 'sending', 'sent', 'delivered', 'read']
    expect(all).toEqual([...all].sort((a, b) => order.indexOf(a) - order.indexOf(b)))
    expect(all.at(-1)).toBe('read')
  })

  it('E2E-3 typing shows on the other screen and expires', async () => {
    await dana.page.getByTestId('message-input').pressSequentially('I am wri', { delay: 60 })
    const indicator = ana.page.getByTestId('typing-indicator')
    await expect.poll(() => indicator.textContent(), { timeout: 3_000 }).toContain('Dana')
    await expect.poll(() => indicator.textContent(), { timeout: 6_000 }).not.toContain('Dana')
    await dana.page.getByTestId('message-input').fill('')
  })

  it('E2E-4 a note of the team never reaches the client', async () => {
    const mark = 'zinnober-quartz-4711'
    await ana.page.getByRole('tab', { name: /note/i }).click()
    await write(ana.page, `Margin is thin here: ${mark}`)
    await rows(ana.page, mark).waitFor()
    expect(await rows(ana.page, mark).first().getAttribute('data-audience')).toBe('team')
    await ana.page.getByRole('tab', { name: /reply/i }).click()
    await write(ana.page, 'After the note')
    await rows(dana.page, 'After the note').waitFor()
    await dana.page.reload()
    await rows(dana.page, 'After the note').waitFor()
    expect(await dana.page.content()).not.toContain(mark)
    expect(await dana.received()).not.toContain(mark)
    expect(await ana.received()).toContain(mark)
  })

  it('E2E-5 after kill -9 both go on by themselves: nothing lost, doubled or reordered', async () => {
    const sent = Array.from({ length: 20 }, (_, index) => `kill round message ${String(index + 1).padStart(2, '0')}`)
    for (const [index, text] of sent.entries()) {
      if (index === 7) await app.kill()
      if (index === 12) void app.start()
      await write(ana.page, text)
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
    for (const { page } of [ana, dana]) {
      await expect.poll(() => rows(page, 'kill round message').count(), { timeout: 40_000, interval: 100 }).toBe(20)
      const texts = await rows(page, 'kill round message').allTextContents()
      expect(texts.map((text) => /kill round message \d\d/.exec(text)?.[0])).toEqual(sent)
    }
    await expect
      .poll(() => ana.page.locator('[data-testid="message"][data-status="queued"], [data-status="sending"]').count(), {
        timeout: 20_000,
      })
      .toBe(0)
  })

  it('E2E-6 the pages ask for nothing outside their own origin', () => {
    expect([...ana.foreign, ...dana.foreign]).toEqual([])
  })
})
