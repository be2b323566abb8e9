import type { Page, Route } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { callFrom } from './harness.ts'
import { audience, converse, dana, field, ids, listen, open, page, said, spoken, tab } from './scene.ts'

interface Listed {
  readonly items: readonly { readonly text: string; readonly clientKey: string }[]
}

const messagesPath = '**/api/messaging/conversations/*/messages'

const row = (subject: string) => page.getByTestId('conversation-row').filter({ hasText: subject })

/** Has each send of the page go through a test's hands; what is read goes by. */
const onSends = (handle: (route: Route) => Promise<void>) =>
  page.route(messagesPath, (route) => (route.request().method() === 'POST' ? handle(route) : route.continue()))

const letSendsGo = () => page.unroute(messagesPath)

async function write(text: string): Promise<void> {
  await field().fill(text)
  await field().press('Enter')
}

/** What the server has of the conversation a test begins in, of all texts that begin alike. */
async function stored(from: Page, beginning: string): Promise<Listed['items']> {
  const { items } = await callFrom<Listed>(from, 'GET', `/api/messaging/conversations/${ids[0]}/messages`)
  return items.filter(({ text }) => text.startsWith(beginning))
}

describe('UI-81 a message on its way', () => {
  it('AC-11 stays the same row, where it is, when it is acknowledged', async () => {
    const gate = Promise.withResolvers<void>()
    await onSends(async (route) => {
      await gate.promise
      await route.continue()
    })
    await write('to be acknowledged')
    await said('to be acknowledged').waitFor()
    const look = () =>
      said('to be acknowledged').evaluate((node: HTMLElement & { tagged?: boolean }) => ({
        tagged: node.tagged,
        top: node.getBoundingClientRect().top,
      }))
    await said('to be acknowledged').evaluate((node) => Object.assign(node, { tagged: true }))
    const before = await look()
    gate.resolve()
    await said('to be acknowledged').and(page.locator('[data-status="sent"], [data-status="delivered"]')).waitFor()
    expect(await look()).toEqual(before)
    expect(before.tagged).toBe(true)
    await letSendsGo()
  })

  it('AC-46 waits over a reload, and is delivered once, in order, under the same key', async () => {
    await onSends((route) => route.abort())
    const texts = ['waiting one', 'waiting two', 'waiting three']
    for (const text of texts) await write(text)
    const keys = () => said('waiting').evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.clientId))
    await expect.poll(async () => (await keys()).length).toBe(3)
    const before = await keys()
    await page.reload()
    await expect.poll(keys).toEqual(before)
    await letSendsGo()
    await page.evaluate(() => window.dispatchEvent(new Event('online')))
    await expect.poll(async () => (await stored(dana, 'waiting')).length, { timeout: 40_000 }).toBe(3)
    const there = await stored(dana, 'waiting')
    expect(there.map(({ text }) => text)).toEqual(texts)
    expect(there.map(({ clientKey }) => clientKey)).toEqual(before)
    await expect.poll(keys).toEqual(before)
  })

  it('AC-47 is one message and one row when its acknowledgement is lost', async () => {
    let lost = 0
    await onSends(async (route) => {
      if (lost > 1) return route.continue()
      lost += 1
      await route.fetch()
      await route.abort()
    })
    await write('acknowledged in vain')
    await said('acknowledged in vain').and(page.locator('[data-status="sent"], [data-status="delivered"]')).waitFor()
    expect(lost).toBeGreaterThan(0)
    expect(await said('acknowledged in vain').count()).toBe(1)
    expect(await stored(dana, 'acknowledged in vain')).toHaveLength(1)
    await letSendsGo()
  })

  it('CL-67 is one row when the page was left just before the device let go of it', async () => {
    await onSends(async (route) => {
      await route.fetch()
      await route.abort()
    })
    await write('left in between')
    await expect.poll(async () => (await stored(dana, 'left in between')).length).toBe(1)
    await page.reload()
    await said('left in between').first().waitFor()
    await letSendsGo()
    await expect.poll(() => said('left in between').count()).toBe(1)
    expect(await stored(dana, 'left in between')).toHaveLength(1)
  })

  it('AC-48 that is refused says why, at its place and in the list, and can be sent again', async () => {
    const gate = Promise.withResolvers<void>()
    await onSends(async (route) => {
      await gate.promise
      await route.continue()
    })
    await write('too late for this')
    await said('too late for this').waitFor()
    await callFrom(page, 'PATCH', `/api/messaging/conversations/${ids[0]}`, { status: 'archived' })
    gate.resolve()
    const failed = said('too late for this').and(page.locator('[data-status="failed"]'))
    await failed.getByText('This conversation is archived').waitFor()
    await letSendsGo()
    await page.getByRole('button', { name: 'Reopen' }).click()
    await row('rudders').filter({ hasText: 'Not sent' }).waitFor()
    await failed.getByRole('button', { name: 'Retry' }).click()
    await expect.poll(async () => (await stored(dana, 'too late for this')).length).toBe(1)
    expect(await said('too late for this').count()).toBe(1)
  })
})

describe('UI-82 the composer', () => {
  it('AC-53 keeps a text for each audience of each conversation, over a reload, and the list shows it', async () => {
    await field().fill('a reply to be')
    await tab(/note/i).click()
    await field().fill('a note to be')
    await open('sails')
    expect(await field().inputValue()).toBe('')
    await page.reload()
    await row('rudders').filter({ hasText: 'a reply to be' }).click()
    await said('About rudders').waitFor()
    expect([await audience(), await field().inputValue()]).toEqual(['team', 'a note to be'])
    await field().fill('')
    await tab(/reply/i).click()
    expect(await field().inputValue()).toBe('a reply to be')
    await field().fill('')
  })

  it('keeps what it quotes while one is elsewhere, and over a reload', async () => {
    await converse('oars')
    await open('oars')
    await said('About oars').hover()
    await said('About oars').getByRole('button', { name: 'Reply' }).click()
    await field().fill('an answer that takes time')
    await open('sails')
    expect(await page.locator('.parley-quote-bar').count()).toBe(0)
    await page.reload()
    await row('oars').click()
    await page.locator('.parley-quote-bar').filter({ hasText: 'About oars' }).waitFor()
    await field().press('Enter')
    await said('an answer that takes time').locator('.parley-quote').filter({ hasText: 'About oars' }).waitFor()
    expect(await page.locator('.parley-quote-bar').count()).toBe(0)
  })

  it('AC-59 sends nothing by the Enter that ends a composition', async () => {
    await field().fill('こんにちは')
    await field().evaluate((element) => {
      const key = (more: KeyboardEventInit) =>
        element.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...more }))
      element.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))
      key({ isComposing: true })
      key({ keyCode: 229 })
      element.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true }))
      key({})
    })
    expect(await field().inputValue()).toBe('こんにちは')
    await field().press('Enter')
    await said('こんにちは').waitFor()
    await expect.poll(async () => (await stored(dana, 'こんにちは')).length).toBe(1)
  })

  it('AC-59 keeps what it quotes by the Escape that drops a composition', async () => {
    await said('About rudders').hover()
    await said('About rudders').getByRole('button', { name: 'Reply' }).click()
    await field().evaluate((element) =>
      element.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', isComposing: true, bubbles: true })),
    )
    await page.waitForTimeout(100)
    expect(await page.locator('.parley-quote-bar').count()).toBe(1)
    await field().press('Escape')
    await expect.poll(() => page.locator('.parley-quote-bar').count()).toBe(0)
  })

  it('AC-61 counts when little is left, says so three times, and never cuts', async () => {
    const id = await converse('counting')
    await open('counting')
    await listen()
    const counter = page.locator('.parley-counter')
    for (const [length, level] of [
      [3_199, null],
      [3_200, 'near'],
      [3_300, 'near'],
      [3_900, 'warning'],
      [4_000, 'warning'],
      [4_100, 'over'],
      [4_101, 'over'],
    ] as const) {
      await field().fill('x'.repeat(length))
      expect((await field().inputValue()).length).toBe(length)
      if (level === null) expect(await counter.count()).toBe(0)
      else expect(await counter.getAttribute('data-level')).toBe(level)
    }
    expect(await page.getByTestId('send-button').isDisabled()).toBe(true)
    await expect.poll(spoken).toContain('over the limit')
    expect((await spoken()).match(/\d[\d,]* (of|characters over)/g)).toHaveLength(3)
    await field().fill('x'.repeat(4_000))
    await field().press('Enter')
    await expect
      .poll(() =>
        callFrom<Listed>(dana, 'GET', `/api/messaging/conversations/${id}/messages`).then(
          ({ items }) => items.at(-1)?.text.length,
        ),
      )
      .toBe(4_000)
  })
})
