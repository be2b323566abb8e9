import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type App, callFrom, launchBrowser, startApp, visit } from './harness.ts'

interface Created {
  readonly conversation: { readonly conversation: { readonly id: string } }
}

let app: App
let browser: Browser
let page: Page
let dana: Page
let ids: readonly string[]

const field = () => page.getByTestId('message-input')
const said = (text: string) => page.getByTestId('message').filter({ hasText: text })
const tab = (name: RegExp) => page.getByRole('tab', { name })
const audience = () => page.getByTestId('composer').getAttribute('data-audience')

async function converse(subject: string): Promise<string> {
  const { user } = await callFrom<{ user: { id: string } }>(dana, 'GET', '/api/me')
  const { conversation } = await callFrom<Created>(page, 'POST', '/api/messaging/conversations', {
    kind: 'external',
    participants: [user.id],
    subject,
    firstMessage: { clientKey: `first-${subject.replaceAll(' ', '-')}`, text: `About ${subject}` },
  })
  return conversation.conversation.id
}

async function open(subject: string): Promise<void> {
  await page.getByTestId('conversation-row').filter({ hasText: subject }).click()
  await page.getByRole('heading', { level: 1, name: subject }).waitFor()
  await said(`About ${subject}`).waitFor()
}

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

describe('UI-70 the caret', () => {
  it('stays where one writes, in the middle of a text too', async () => {
    await field().fill('Hello world')
    for (let moves = 0; moves < 'world'.length; moves += 1) await field().press('ArrowLeft')
    await field().pressSequentially('big ')
    expect(await field().inputValue()).toBe('Hello big world')
    await field().fill('')
  })
})

describe('UI-71 the audience', () => {
  it('stays a note after sending, after answering a note, and after being elsewhere', async () => {
    await tab(/note/i).click()
    await field().fill('for us only')
    await field().press('Enter')
    await said('for us only').waitFor()
    expect(await audience()).toBe('team')
    await open('sails')
    expect(await audience()).toBe('everyone')
    await open('rudders')
    expect(await audience()).toBe('team')

    await tab(/reply/i).click()
    await said('for us only').hover()
    await said('for us only').getByRole('button', { name: 'Reply' }).click()
    expect(await audience()).toBe('team')
    await field().fill('an answer to a note')
    await field().press('Enter')
    await said('an answer to a note').waitFor()
    expect(await audience()).toBe('team')
    await page.reload()
    await said('an answer to a note').waitFor()
    expect(await audience()).toBe('team')
    await tab(/reply/i).click()
    expect(await audience()).toBe('everyone')
  })
})

describe('UI-61 an edited text', () => {
  const editor = () => page.getByRole('textbox', { name: 'Edit message' })
  const edit = async (text: string) => {
    await said(text).last().focus()
    await page.keyboard.press('e')
    await editor().waitFor()
  }

  it('is there again after a refusal, after another message was not deleted, and after being elsewhere', async () => {
    for (const text of ['first draft', 'another one']) {
      await field().fill(text)
      await field().press('Enter')
      await said(text).and(page.locator('[data-status="sent"], [data-status="delivered"]')).waitFor()
    }
    await page.route('**/api/messaging/messages/*', (route) => route.abort())
    await edit('first draft')
    await editor().fill('second, much better')
    await editor().press('Enter')
    await page.getByText('Edit did not work').first().waitFor()
    await page.unroute('**/api/messaging/messages/*')
    await edit('first draft')
    expect(await editor().inputValue()).toBe('second, much better')

    await said('another one').hover()
    await said('another one').getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    expect(await editor().inputValue()).toBe('second, much better')

    await open('sails')
    await open('rudders')
    await edit('first draft')
    expect(await editor().inputValue()).toBe('second, much better')
    await editor().press('Enter')
    await said('second, much better').waitFor()
    await edit('second, much better')
    expect(await editor().inputValue()).toBe('second, much better')
    await editor().press('Escape')
    await editor().waitFor({ state: 'detached' })
  })

  it('is shown while it is not saved, and can be opened again or given up', async () => {
    const unsaved = page.getByTestId('unsaved-edit')
    await page.route('**/api/messaging/messages/*', (route) => route.abort())
    await edit('another one')
    await editor().fill('another two')
    await editor().press('Enter')
    await unsaved.getByText('another two').waitFor()
    await page.unroute('**/api/messaging/messages/*')
    await page.reload()
    await unsaved.getByRole('button', { name: 'Edit' }).click()
    expect(await editor().inputValue()).toBe('another two')
    await editor().press('Escape')
    await page.getByRole('button', { name: 'Go on editing' }).click()
    await expect.poll(() => editor().evaluate((field) => field === document.activeElement)).toBe(true)
    await editor().press('Escape')
    await page.getByRole('button', { name: 'Discard' }).click()
    await editor().waitFor({ state: 'detached' })
    expect([await unsaved.count(), await page.getByText('Edit did not work').count()]).toEqual([0, 0])
    expect(await said('another one').count()).toBe(1)
  })

  it('of which nothing is left offers to delete the message, and takes nothing when that is refused', async () => {
    await edit('another one')
    await editor().fill('')
    await editor().press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    expect(await said('another one').or(editor()).count()).toBeGreaterThan(0)
    await editor().press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await editor().waitFor({ state: 'detached' })
    await page.getByTestId('message-list').getByText('Message deleted').waitFor()
    expect(await said('another one').count()).toBe(0)
  })
})

describe('UI-64 who listens', () => {
  it('hears what others say while something of his own is not sent, and all of it', async () => {
    const id = await converse('listening')
    await open('listening')
    await page.route('**/messages', (route) => route.abort())
    await field().fill('still on its way')
    await field().press('Enter')
    await said('still on its way').waitFor()
    const say = (text: string) => {
      const body = { clientKey: `heard-${text.replaceAll(' ', '-')}`, text }
      return callFrom(dana, 'POST', `/api/messaging/conversations/${id}/messages`, body)
    }
    const heard = page.evaluate(async () => {
      const region = document.querySelector('[data-testid="announcer-polite"]')
      const all: string[] = []
      return new Promise<string>((resolve) => {
        new MutationObserver(() => {
          all.push(region?.textContent ?? '')
          if (/one.*two.*three/.test(all.join(' '))) resolve(all.join(' '))
        }).observe(region as Node, { childList: true, characterData: true, subtree: true })
      })
    })
    for (const text of ['number one', 'number two', 'number three']) await say(text)
    expect(await heard).toMatch(/number one.*number two.*number three/)
    await page.unroute('**/messages')
    await page.evaluate(() => {
      const region = document.querySelector('[data-testid="announcer-polite"]') as Node
      const spoken: string[] = []
      Object.assign(globalThis, { spoken })
      const hear = () => region.textContent && spoken.push(region.textContent)
      new MutationObserver(hear).observe(region, { childList: true, characterData: true, subtree: true })
    })
    for (let count = 0; count < 12; count += 1) await say(`of many ${count}`)
    const spoken = () => page.evaluate(() => (globalThis as unknown as { spoken: string[] }).spoken.join('; '))
    await expect.poll(spoken).toContain('12 new messages')
    expect(await spoken()).not.toContain('of many')
    await said('still on its way')
      .and(page.locator('[data-status="sent"], [data-status="delivered"], [data-status="read"]'))
      .waitFor()
  })
})

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

describe('UI-67 the connection', () => {
  const banner = () => page.getByTestId('connection-banner')

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
    await dana.getByTestId('message-input').fill('what I was about to say')
    await callFrom(page, 'DELETE', `/api/messaging/conversations/${ids[1]}/participants/${user.id}`)
    await dana.getByText('You no longer have access to this conversation').waitFor()
    await dana.getByText('what I was about to say').waitFor()
    await dana.getByRole('button', { name: 'Copy text' }).waitFor()
    await dana.getByRole('button', { name: 'To your conversations' }).click()
    await dana.getByRole('heading', { name: 'rudders' }).or(dana.getByTestId('conversation-row')).first().waitFor()
  })
})
