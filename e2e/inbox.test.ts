import { describe, expect, it } from 'vitest'
import { callFrom } from './harness.ts'
import { app, converse, dana, field, ids, open, page, said } from './scene.ts'

describe('UI-62 a new conversation', () => {
  it('keeps what was written for it, and takes nobody away who has gone elsewhere meanwhile', async () => {
    await page.goto(`${app.url}/new`)
    await page.getByRole('textbox', { name: 'First message' }).fill('ten lines of careful words')
    await page.getByRole('textbox', { name: 'Title' }).fill('a careful title')
    await page.getByRole('combobox').first().fill('luis')
    await page.getByRole('option', { name: /Luis/ }).click()
    await open('sails')
    await page.getByRole('button', { name: 'New conversation' }).first().click()
    expect(await page.getByRole('textbox', { name: 'First message' }).inputValue()).toBe('ten lines of careful words')
    await page.reload()
    await page.getByRole('button', { name: 'Remove Luis' }).waitFor()
    expect(await page.getByRole('textbox', { name: 'Title' }).inputValue()).toBe('a careful title')
    const gate = Promise.withResolvers<void>()
    await page.route('**/conversations', async (route) => {
      if (route.request().method() === 'POST') await gate.promise
      await route.continue()
    })
    await page.getByRole('button', { name: 'Start conversation' }).click()
    await open('sails')
    await page.getByRole('button', { name: 'New conversation' }).first().click()
    await page.getByRole('button', { name: 'Start conversation' }).click()
    await open('sails')
    gate.resolve()
    const careful = page.getByTestId('conversation-row').filter({ hasText: 'ten lines of careful words' })
    await careful.waitFor()
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('sails')
    await page.getByRole('button', { name: 'New conversation' }).first().click()
    await expect.poll(() => page.getByRole('textbox', { name: 'First message' }).inputValue()).toBe('')
    expect(await page.getByRole('textbox', { name: 'Title' }).inputValue()).toBe('')
    expect(await page.getByRole('button', { name: 'Remove Luis' }).count()).toBe(0)
    expect(await careful.count()).toBe(1)
    await page.unroute('**/conversations')
  })
})

describe('UI-78 leaving', () => {
  it('leads back to the list, and takes nobody away who has gone elsewhere meanwhile', async () => {
    const leave = async () => {
      await page.getByRole('button', { name: 'More', exact: true }).first().click()
      await page.getByRole('menuitem', { name: 'Leave' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click()
    }
    for (const subject of ['one to leave', 'another to leave']) await converse(subject)
    const gate = Promise.withResolvers<void>()
    await page.route('**/participants/*', async (route) => {
      await gate.promise
      await route.continue()
    })
    await open('one to leave')
    await leave()
    await open('rudders')
    gate.resolve()
    await page.getByTestId('conversation-row').filter({ hasText: 'one to leave' }).waitFor({ state: 'detached' })
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('rudders')
    await open('another to leave')
    await page.getByRole('button', { name: 'More', exact: true }).first().press('Enter')
    await page.getByRole('menuitem', { name: 'Leave' }).press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).press('Enter')
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('More')
    await leave()
    await expect.poll(() => page.url()).toContain('/inbox')
    await page.unroute('**/participants/*')
  })
})

describe('UI-72 a conversation that goes while it is open', () => {
  it('says so, and gives back what was being written', async () => {
    const { user } = await callFrom<{ user: { id: string } }>(dana, 'GET', '/api/me')
    await dana.goto(`${app.url}/c/${ids[1]}`)
    await dana.getByTestId('message-input').waitFor()
    await dana.route('**/api/messaging/conversations/*/messages', (route) =>
      route.request().method() === 'POST' ? route.abort() : route.continue(),
    )
    await dana.getByTestId('message-input').fill('what never left')
    await dana.getByTestId('message-input').press('Enter')
    await dana.getByTestId('message-input').fill('what I was about to say')
    await callFrom(page, 'DELETE', `/api/messaging/conversations/${ids[1]}/participants/${user.id}`)
    await dana.getByText('You no longer have access to this conversation').waitFor()
    await dana.getByText('what I was about to say').waitFor()
    await dana.unrouteAll()
    const texts = dana.locator('.parley-unsent')
    await texts.filter({ hasText: 'Not sent: what never left' }).getByRole('button', { name: 'Copy text' }).waitFor()
    await texts.filter({ hasText: 'what I was about' }).getByRole('button', { name: 'Discard' }).click()
    await expect.poll(() => texts.count()).toBe(1)
    await dana.getByRole('button', { name: 'To your conversations' }).click()
    await dana.getByRole('heading', { name: 'rudders' }).or(dana.getByTestId('conversation-row')).first().waitFor()
  })
})

describe('UI-89 the order of the list', () => {
  const rows = () =>
    page.getByTestId('conversation-row').evaluateAll((all) => all.map((row) => row.dataset.conversationId))

  it('AC-40 stays while one aims at a row, says what waits, and follows when the pointer leaves', async () => {
    const [first, second] = [await converse('held one'), await converse('held two')]
    await page.getByTestId('conversation-row').filter({ hasText: 'held two' }).waitFor()
    await page.mouse.move(700, 400)
    await expect.poll(async () => (await rows())[0]).toBe(second)
    const before = await rows()
    await page.getByTestId('conversation-row').filter({ hasText: 'rudders' }).hover()
    const body = { clientKey: 'dana-moves-the-list', text: 'up it goes' }
    await callFrom(dana, 'POST', `/api/messaging/conversations/${first}/messages`, body)
    await page.getByTestId('list-updates').filter({ hasText: '1 update' }).waitFor()
    await page.getByTestId('conversation-row').filter({ hasText: 'up it goes' }).waitFor()
    expect(await rows()).toEqual(before)
    await page.mouse.down()
    await page.mouse.up()
    await expect.poll(() => page.url()).toContain(ids[0])
    expect(await rows()).toEqual(before)
    await page.mouse.move(700, 400)
    await expect.poll(async () => (await rows())[0]).toBe(first)
    expect(await page.getByTestId('list-updates').count()).toBe(0)
  })

  it('AC-40 follows at once when one asks for it', async () => {
    const [first] = [await converse('held three'), await converse('held four')]
    await page.getByTestId('conversation-row').filter({ hasText: 'held four' }).waitFor()
    await page.getByTestId('conversation-row').filter({ hasText: 'rudders' }).hover()
    const body = { clientKey: 'dana-moves-it-again', text: 'up it goes again' }
    await callFrom(dana, 'POST', `/api/messaging/conversations/${first}/messages`, body)
    await page.getByTestId('list-updates').click()
    await expect.poll(async () => (await rows())[0]).toBe(first)
  })
})

describe('UI-67 the connection', () => {
  const banner = () => page.getByTestId('connection-banner')

  it('that comes, goes and comes again says so for three seconds, not for ever', async () => {
    const { context } = { context: page.context() }
    const state = () => banner().getAttribute('data-state')
    await context.setOffline(true)
    await expect.poll(state, { timeout: 20_000 }).toMatch(/offline|reconnecting/)
    await context.setOffline(false)
    await expect.poll(state, { timeout: 20_000 }).toBe('back')
    await context.setOffline(true)
    await page.waitForTimeout(300)
    await context.setOffline(false)
    await expect.poll(state, { timeout: 10_000 }).toBe('online')
  })

  it('is told once, wherever one is and wherever one goes', async () => {
    await page.goto(`${app.url}/inbox`)
    await open('sails')
    await open('rudders')
    await page.context().setOffline(true)
    await page.getByText("You're offline.").waitFor({ timeout: 30_000 })
    await page.getByTestId('conversation-row').filter({ hasText: 'sails' }).click()
    expect(await banner().getAttribute('data-shown')).toBe('true')
    await page.setViewportSize({ width: 390, height: 844 })
    await page.getByRole('button', { name: 'Back' }).click()
    await page.getByTestId('conversation-row').first().waitFor()
    expect([await banner().count(), await banner().isVisible()]).toEqual([1, true])
    await page.context().setOffline(false)
    await page.getByText('Back online.').waitFor({ timeout: 30_000 })
    await page.setViewportSize({ width: 1440, height: 900 })
  })
})

describe('UI-79 the search of the list', () => {
  const search = () => page.getByRole('searchbox', { name: 'Search conversations' })
  const row = (subject: string) => page.getByTestId('conversation-row').filter({ hasText: subject })

  it('shows what is loaded at once, without a network too, and asks the server when typing pauses', async () => {
    await page.goto(`${app.url}/inbox`)
    await row('sails').waitFor()
    const asked: string[] = []
    page.on('request', (request) => request.url().includes('q=') && asked.push(request.url()))
    const answered = page.waitForResponse((response) => response.url().includes('q=rudders'))
    await search().pressSequentially('rudders', { delay: 20 })
    await row('rudders').waitFor()
    await row('sails').waitFor({ state: 'detached' })
    await answered
    expect(asked).toHaveLength(1)
    await page.context().setOffline(true)
    await search().fill('sail')
    await row('sails').waitFor()
    expect(await row('rudders').count()).toBe(0)
    await page.context().setOffline(false)
    await search().fill('')
    await row('rudders').waitFor()
  })
})

describe('UI-77 the filter of the list', () => {
  it('stays while one opens what it shows, and changes without closing that', async () => {
    await page.goto(`${app.url}/inbox`)
    await page.getByRole('radio', { name: 'External' }).click()
    await expect.poll(() => page.url()).toContain('/external')
    await open('rudders')
    expect(await page.getByRole('radio', { name: 'External' }).getAttribute('aria-checked')).toBe('true')
    await page.getByRole('radio', { name: 'All' }).click()
    expect(await said('About rudders').count()).toBe(1)
    await page.getByRole('radio', { name: 'External' }).click()
    await page.setViewportSize({ width: 390, height: 844 })
    await page.getByRole('button', { name: 'Back' }).click()
    await expect.poll(() => page.url()).toContain('/external')
    await page.setViewportSize({ width: 1440, height: 900 })
  })
})

describe('UI-41 the focus', () => {
  const focused = () => page.evaluate(() => (document.activeElement as HTMLElement).dataset.testid)

  it('goes to the composer when the keyboard has opened it again', async () => {
    await page.getByRole('button', { name: 'More', exact: true }).first().click()
    await page.getByRole('menuitem', { name: 'Status: Archived' }).click()
    await page.getByRole('button', { name: 'Reopen' }).press('Enter')
    await field().waitFor()
    await expect.poll(focused).toBe('message-input')
  })
})

describe('UI-80 the focus when what had it goes', () => {
  const focused = () => page.evaluate(() => document.activeElement?.textContent)

  it('goes to the title of the list after its loading was tried again, and when the row leaves the list', async () => {
    const lists = /\/api\/messaging\/conversations\?/
    await page.route(lists, (route) => route.abort())
    await page.getByRole('radio', { name: 'Internal' }).click()
    const retry = page.getByTestId('conversation-list').getByRole('button', { name: 'Retry' })
    await retry.focus()
    await page.unroute(lists)
    await retry.press('Enter')
    await expect.poll(focused).toBe('Conversations')
    await page.getByRole('radio', { name: 'All' }).click()
    const id = await converse('to archive')
    await page.getByTestId('conversation-row').filter({ hasText: 'to archive' }).focus()
    await callFrom(page, 'PATCH', `/api/messaging/conversations/${id}`, { status: 'archived' })
    await expect.poll(focused).toBe('Conversations')
  })

  it('goes to the quoted message one jumps to', async () => {
    await said('About rudders').hover()
    await said('About rudders').getByRole('button', { name: 'Reply' }).click()
    await field().fill('quoting the first one')
    await field().press('Enter')
    await said('quoting the first one')
      .getByRole('button', { name: /^Quoting/ })
      .click()
    const named = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))
    await expect.poll(named).toMatch(/^Ana Ferreira, About rudders/)
  })
})
