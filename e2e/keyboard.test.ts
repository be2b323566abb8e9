import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, launchBrowser, startApp } from './harness.ts'

const email = 'kay@example.com'
const password = 'only keys and no mouse'

let app: App
let browser: Browser
let page: Page

interface Focused {
  readonly tag: string
  readonly name: string
  readonly testId: string
  readonly text: string
  readonly visible: boolean
}

/** What has the focus: never nothing, always visible, always named. */
async function focused(): Promise<Focused> {
  const now = await page.evaluate(() => {
    const element = document.activeElement as HTMLElement
    const box = element.getBoundingClientRect()
    const labels = 'labels' in element ? [...((element as HTMLInputElement).labels ?? [])] : []
    const name = element.ariaLabel ?? labels.map((label) => label.textContent).join(' ')
    return {
      tag: element.tagName.toLowerCase(),
      name: name || element.textContent || '',
      testId: element.dataset.testid ?? '',
      text: element.textContent ?? '',
      visible: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
    }
  })
  expect(now.tag).not.toBe('body')
  expect(now.visible, JSON.stringify(now)).toBe(true)
  expect(now.name.trim(), JSON.stringify(now)).not.toBe('')
  return now
}

async function press(...keys: string[]): Promise<Focused> {
  for (const key of keys) {
    await page.keyboard.press(key)
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
  }
  return focused()
}

/** Presses a key until the focus is where it should be. */
async function pressUntil(key: string, wanted: (now: Focused) => boolean, most = 30): Promise<Focused> {
  for (let turn = 0; turn < most; turn += 1) {
    const now = await press(key)
    if (wanted(now)) return now
  }
  throw new Error(`${key} never led there, but to ${JSON.stringify(await focused())}`)
}

function focus(wanted: Partial<Focused>): Promise<void> {
  return expect.poll(focused, { timeout: 5_000 }).toMatchObject(wanted)
}

async function write(text: string): Promise<void> {
  await page.keyboard.type(text)
  await page.keyboard.press('Enter')
  await message(text).waitFor()
}

/** Waits until the server has a message. */
async function stored(text: string): Promise<void> {
  const status = () => message(text).getAttribute('data-status')
  await expect.poll(status).toMatch(/^(sent|delivered|read)$/)
}

function message(text: string) {
  return page.locator('[data-testid="message"]', { hasText: text })
}

/** The ring around what has the focus, or around the field that holds it. */
function hasRing(): Promise<boolean> {
  return page.evaluate(() => {
    const shown = (element: Element | null) => {
      if (!element) return false
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element)
      return (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2) || boxShadow !== 'none'
    }
    const element = document.activeElement
    return shown(element) || shown(element?.closest('.parley-composer-box, .parley-search') ?? null)
  })
}

beforeAll(async () => {
  app = await startApp()
  const program = join(import.meta.dirname, '../packages/server/bin/parley.js')
  const env = { ...process.env, NODE_ENV: '', PARLEY_DATA_DIR: app.dataDir }
  const user = ['user', 'create', '--email', email, '--name', 'Kay Lindqvist', '--role', 'member', '--password-stdin']
  execFileSync(process.execPath, [program, ...user], { env, input: password, stdio: 'pipe' })
  browser = await launchBrowser()
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  page.setDefaultTimeout(10_000)
}, 90_000)

afterAll(async () => {
  await browser?.close()
  await app?.stop()
})

describe('UI-41 everything goes by keyboard, and the focus is never lost', () => {
  it('UI-41 signs in', async () => {
    await page.goto(`${app.url}/sign-in`)
    await page.getByLabel('Email').waitFor()
    expect(await press('Tab')).toMatchObject({ name: 'Email' })
    expect(await hasRing()).toBe(true)
    await page.keyboard.type(email)
    expect(await press('Tab')).toMatchObject({ name: 'Password' })
    await page.keyboard.type(password)
    await page.keyboard.press('Enter')
    await page.getByTestId('conversation-list').waitFor()
  })

  it('UI-41 starts a conversation with a person it finds', async () => {
    await pressUntil('Tab', ({ name }) => name === 'New conversation')
    expect(await hasRing()).toBe(true)
    await page.keyboard.press('Enter')
    await focus({ name: 'To' })
    await page.keyboard.type('Luis')
    await page.getByRole('option', { name: /Luis/ }).waitFor()
    await press('Enter')
    await page.getByRole('button', { name: 'Remove Luis Ortega' }).waitFor()
    await pressUntil('Tab', ({ name }) => name === 'Title (optional)')
    await page.keyboard.type('Keys only')
    expect(await press('Tab')).toMatchObject({ name: 'First message' })
    await page.keyboard.type('Can you read this?')
    await pressUntil('Tab', ({ name }) => name === 'Start conversation')
    await page.keyboard.press('Enter')
    await message('Can you read this?').waitFor()
    await focus({ testId: 'message-input' })
  })

  it('UI-41 writes and sends; the caret stays', async () => {
    await write('The first line')
    await write('The last line')
    expect(await focused()).toMatchObject({ testId: 'message-input' })
    expect(await hasRing()).toBe(true)
  })

  it('UI-42 walks the messages with one tab stop, and out at the end', async () => {
    const last = await pressUntil('Shift+Tab', ({ testId }) => testId === 'message')
    expect(last.text).toContain('The last line')
    expect(await hasRing()).toBe(true)
    expect((await press('ArrowUp')).text).toContain('The first line')
    expect((await press('Home')).text).toContain('Can you read this?')
    expect((await press('End')).text).toContain('The last line')
    expect(await press('ArrowDown')).toMatchObject({ testId: 'message-input' })
  })

  it('UI-42 goes into a message and back out', async () => {
    await write('Look at https://example.com/a and then answer')
    await pressUntil('Shift+Tab', ({ testId }) => testId === 'message')
    await press('End', 'Enter')
    await focus({ tag: 'a', text: 'https://example.com/a' })
    await pressUntil('Tab', ({ name }) => name === 'Reply', 3)
    expect(await press('Escape')).toMatchObject({ testId: 'message' })
    const after = await press('Tab')
    expect(after.tag).not.toBe('a')
  })

  it('UI-43 quotes, and takes it back', async () => {
    await press('Shift+Tab', 'Home')
    await page.keyboard.press('r')
    await focus({ testId: 'message-input' })
    await page.getByText('Replying to Kay').waitFor()
    await press('Escape')
    expect(await page.getByText('Replying to Kay').count()).toBe(0)
    await pressUntil('Shift+Tab', ({ testId }) => testId === 'message')
    await press('Home')
    await page.keyboard.press('r')
    await focus({ testId: 'message-input' })
    await write('An answer with a quote')
    expect(await message('An answer with a quote').locator('.parley-quote').count()).toBe(1)
  })

  it('UI-44 the up arrow does not pass over a message that is still on its way', async () => {
    const sent = Promise.withResolvers<void>()
    await page.route('**/messages', async (route) => {
      await sent.promise
      await route.continue()
    })
    await write('An answer with a quote, after all')
    await page.keyboard.press('ArrowUp')
    expect(await page.getByLabel('Edit message').count()).toBe(0)
    sent.resolve()
    await stored('An answer with a quote, after all')
    await page.unroute('**/messages')
  })

  it('UI-44 the up arrow edits the last message, Escape leaves it as it was and asks when something was changed, Enter saves', async () => {
    await page.keyboard.press('ArrowUp')
    await focus({ name: 'Edit message' })
    expect(await hasRing()).toBe(true)
    await page.keyboard.press('Escape')
    await focus({ testId: 'message-input' })
    await page.keyboard.press('ArrowUp')
    await focus({ name: 'Edit message' })
    await page.keyboard.type(' and not this')
    await page.keyboard.press('Escape')
    await focus({ text: 'Go on editing' })
    await press('Tab', 'Enter')
    await focus({ testId: 'message-input' })
    expect(await message('and not this').count()).toBe(0)
    await page.keyboard.press('ArrowUp')
    await focus({ name: 'Edit message' })
    await page.keyboard.type(', now edited')
    await page.keyboard.press('Enter')
    await message('An answer with a quote, after all, now edited').waitFor()
    await focus({ testId: 'message-input' })
  })

  it('UI-45 deletes after asking; the focus stays on the message', async () => {
    await pressUntil('Shift+Tab', ({ testId }) => testId === 'message')
    await press('End', 'Delete')
    await focus({ text: 'Cancel' })
    await press('Escape')
    await focus({ testId: 'message' })
    expect(await message('now edited').count()).toBe(1)
    await page.keyboard.press('Delete')
    await focus({ text: 'Cancel' })
    await press('Tab', 'Enter')
    await message('Message deleted').waitFor()
    await focus({ testId: 'message' })
  })

  it('UI-46 the menu of a message gives the focus back to what it opens', async () => {
    await press('ArrowUp', 'Enter')
    await pressUntil('Tab', ({ name }) => name === 'More', 4)
    await press('Enter')
    await page.getByRole('menu').waitFor()
    await pressUntil('ArrowDown', ({ text }) => text === 'Edit', 5)
    await page.keyboard.press('Enter')
    await focus({ name: 'Edit message' })
    await page.keyboard.press('Escape')
    await expect.poll(async () => (await focused()).tag, { timeout: 5_000 }).not.toBe('body')
  })

  it('UI-47 opens the people, and closes them back to the button', async () => {
    await pressUntil('Shift+Tab', ({ name }) => name === 'People')
    await press('Enter')
    await focus({ tag: 'h2', text: 'People' })
    await page.keyboard.press('Escape')
    await focus({ tag: 'button', name: 'People' })
  })

  it('UI-48 moves through the list with the arrows and opens with Enter', async () => {
    await pressUntil('Shift+Tab', ({ testId }) => testId === 'conversation-row')
    await press('Home')
    expect(await hasRing()).toBe(true)
    await page.keyboard.press('Enter')
    await focus({ testId: 'message-input' })
    expect(page.url()).toContain('/c/')
  })
})

describe('UI-49 notes by keyboard', () => {
  it('UI-49 the arrows reach the tab of notes, and what is written is a note', async () => {
    await page.context().clearCookies()
    await page.goto(app.links.get('ana') ?? '')
    const row = page.getByTestId('conversation-row').first()
    await row.waitFor()
    await pressUntil('Tab', ({ testId }) => testId === 'conversation-row')
    await page.keyboard.press('Enter')
    await focus({ testId: 'message-input' })
    expect(await press('Shift+Tab')).toMatchObject({ text: 'Reply to client' })
    expect(await press('ArrowRight')).toMatchObject({ text: 'Internal note' })
    expect(await hasRing()).toBe(true)
    await press('Enter', 'Tab')
    expect(await focused()).toMatchObject({ testId: 'message-input', name: 'Internal note, visible to the team only' })
    await write('Seen by the team')
    expect(await message('Seen by the team').getAttribute('data-audience')).toBe('team')
    expect(await focused()).toMatchObject({ name: 'Internal note, visible to the team only' })
  })
})
