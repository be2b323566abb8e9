import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostile } from '../packages/react/test/hostile.ts'
import { type App, type Created, callFrom, launchBrowser, startApp, visit } from './harness.ts'

const longest = 3_900
const marker = '<img src=x onerror=window.attacked(1)>'
const turn = '\u202e'

let app: App
let browser: Browser
let page: Page
let conversation: string
let scriptsAtStart: number
const alarms: string[] = []

/** The strings, packed into as few messages as they fit, every one beginning a line. */
function packed(): string[] {
  const messages: string[] = []
  for (const line of hostile.map((each) => each.replaceAll('\u0000', ''))) {
    const last = messages.at(-1)
    if (last !== undefined && last.length + line.length < longest) messages[messages.length - 1] = `${last}\n\n${line}`
    else messages.push(line)
  }
  return messages
}

function addHostilePerson(): void {
  const program = join(import.meta.dirname, '../packages/server/bin/parley.js')
  const env = { ...process.env, NODE_ENV: '', PARLEY_DATA_DIR: app.dataDir }
  const person = [
    '--name',
    `Eve ${marker}`,
    '--role',
    'external',
    '--organization',
    `evil:<svg onload=attacked(1)>:client`,
  ]
  execFileSync(process.execPath, [program, 'user', 'create', ...person, '--email', 'eve@evil.example'], {
    env,
    stdio: 'pipe',
  })
}

/** Sounds the alarm for everything that must not happen, and looks at what is on the page. */
async function expectInert(): Promise<void> {
  const found = await page.evaluate(() => ({
    reports: (globalThis as unknown as { alarms: string[] }).alarms,
    scripts: document.scripts.length,
    foreign: document.querySelectorAll(
      'iframe, object, embed, base, math, foreignObject, animate, form form, [srcdoc], [style*="expression"], [data-parley-root] :is(script, style, link, meta, video, audio)',
    ).length,
    pictures: [...document.images].map(({ src }) => src),
    handlers: [...document.querySelectorAll('*')].flatMap((element) =>
      element.getAttributeNames().filter((name) => name.startsWith('on')),
    ),
    schemes: [...new Set([...document.querySelectorAll<HTMLAnchorElement>('a[href]')].map(({ protocol }) => protocol))],
  }))
  expect(found).toEqual({
    reports: [],
    scripts: scriptsAtStart,
    foreign: 0,
    pictures: [],
    handlers: [],
    schemes: found.schemes.filter((scheme) => ['http:', 'https:', 'mailto:'].includes(scheme)),
  })
  expect(alarms).toEqual([])
}

/** Where text that turns the direction shares a line with what others wrote, and is not shut in. */
async function expectOwnDirection(): Promise<void> {
  const found = await page.evaluate((sign) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const turned: HTMLElement[] = []
    while (texts.nextNode()) {
      const { textContent, parentElement } = texts.currentNode
      if (textContent?.includes(sign) && parentElement) turned.push(parentElement)
    }
    const open = turned.filter((element) => {
      const { display, unicodeBidi } = getComputedStyle(element)
      return display === 'inline' && !['isolate', 'plaintext', 'isolate-override'].includes(unicodeBidi)
    })
    return { turned: turned.length, open: open.map(({ outerHTML }) => outerHTML) }
  }, turn)
  expect(found.turned).toBeGreaterThan(0)
  expect(found.open).toEqual([])
}

async function setAlarms(): Promise<void> {
  page.on('dialog', (dialog) => {
    alarms.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    if (/Content.Security.Policy/i.test(message.text())) alarms.push(message.text())
  })
  page.on('pageerror', (error) => alarms.push(String(error)))
  page.on('popup', () => alarms.push('a window opened'))
  await page.addInitScript(() => {
    const reports: string[] = []
    Object.assign(globalThis, { alarms: reports, attacked: (by: unknown) => reports.push(`attacked ${by}`) })
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, sample }) =>
      reports.push(`${violatedDirective} ${sample}`),
    )
  })
}

beforeAll(async () => {
  app = await startApp()
  addHostilePerson()
  browser = await launchBrowser()
  page = (await visit(browser, app.links.get('ana') ?? '')).page
  page.setDefaultTimeout(10_000)
  const { items } = await callFrom<{ items: { id: string }[] }>(page, 'GET', '/api/messaging/users?q=Eve')
  const created = await callFrom<Created>(page, 'POST', '/api/messaging/conversations', {
    kind: 'external',
    participants: [items[0]?.id],
    subject: `Subject ${marker}${turn}`,
    context: {
      type: 'project',
      id: 'p-1',
      title: `Context ${marker}${turn}`,
      url: 'https://example.com/"onmouseover=attacked(1)',
    },
    firstMessage: { clientKey: 'xss-first-message', text: `First ${marker}${turn}` },
  })
  conversation = created.conversation.conversation.id
  for (const [index, text] of packed().entries()) {
    const message = { clientKey: `xss-message-${index}-of-many`, text, audience: 'everyone' }
    await callFrom(page, 'POST', `/api/messaging/conversations/${conversation}/messages`, message)
  }
  await setAlarms()
  await page.goto(`${app.url}/inbox`)
  await page.getByTestId('conversation-row').first().waitFor()
  scriptsAtStart = await page.evaluate(() => document.scripts.length)
}, 90_000)

afterAll(async () => {
  await browser?.close()
  await app?.stop()
})

describe('UI-33 what people write never becomes anything but text', () => {
  it('UI-33 even who gets markup into the page is stopped by the policy', async () => {
    const probe = await page.context().newPage()
    await probe.goto(`${app.url}/inbox`)
    const inserting = probe.evaluate(() => {
      document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')
    })
    await expect(inserting).rejects.toThrow('TrustedHTML')
    const violation = await probe.evaluate(() => {
      const seen = new Promise((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.violatedDirective))
      })
      document.body.append(Object.assign(document.createElement('iframe'), { src: 'https://evil.example' }))
      return seen
    })
    expect(violation).toBe('frame-src')
    const outline = await probe.evaluate(() => {
      document.head.append(
        Object.assign(document.createElement('style'), { textContent: 'body { outline: 9px solid }' }),
      )
      document.body.setAttribute('style', 'outline: 9px solid')
      return getComputedStyle(document.body).outlineStyle
    })
    expect(outline).toBe('none')
    await probe.close()
  })

  it('UI-33 SEC-105 in the list: subject and preview', async () => {
    await page.getByText(`Subject ${marker}`).first().waitFor()
    await expectInert()
    await expectOwnDirection()
  })

  it('UI-33 SEC-105 in the messages, from the last to the first', async () => {
    await page.goto(`${app.url}/c/${conversation}`)
    await page.getByTestId('message').first().waitFor()
    await expectInert()
    await page.getByTestId('message').last().focus()
    for (let step = 0; step < 40; step += 1) await page.keyboard.press('ArrowUp')
    await page.getByText(`First ${marker}`).first().waitFor()
    await expectInert()
    await expectOwnDirection()
  })

  it('UI-33 SEC-105 in the header, and among the people', async () => {
    await page.getByRole('heading', { name: `Subject ${marker}` }).waitFor()
    await page.getByText(`Context ${marker}`).waitFor()
    await page.getByRole('button', { name: 'People', exact: true }).click()
    await page.locator('.parley-panel').getByText(`Eve ${marker}`).waitFor()
    await page.locator('.parley-panel').getByText('<svg onload=attacked(1)>').waitFor()
    await expectInert()
    await expectOwnDirection()
  })

  it('UI-33 SEC-108 a menu and a dialog bring their style under the policy of the page', async () => {
    await page.getByRole('button', { name: 'More', exact: true }).first().click()
    await page.getByRole('menuitem', { name: 'Leave conversation' }).click()
    await page.getByRole('dialog').waitFor()
    expect(await page.evaluate(() => getComputedStyle(document.body).overflow)).toBe('hidden')
    await expectInert()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  it('UI-33 in a quote, in the field of an edit', async () => {
    await page.getByRole('button', { name: 'Close', exact: true }).click()
    await page.getByTestId('message').last().focus()
    await page.keyboard.press('r')
    await page.getByText('Replying to').waitFor()
    await expectInert()
    await page.getByTestId('message-input').fill(`Answer ${marker}`)
    await page.getByTestId('message-input').press('Enter')
    const answer = page.locator('[data-message-id]', { hasText: `Answer ${marker}` })
    await answer.locator('.parley-quote').waitFor()
    await answer.focus()
    await page.keyboard.press('e')
    await page.getByLabel('Edit message').waitFor()
    await expectInert()
    await page.keyboard.press('Escape')
  })

  it('UI-33 in the search for people and in the labels of a new conversation', async () => {
    await page.goto(`${app.url}/new`)
    await page.getByRole('combobox').fill('Eve')
    await page.getByRole('option').first().waitFor()
    await expectInert()
    await page.getByRole('combobox').press('Enter')
    await page.getByText('External: includes <svg onload=attacked(1)>').waitFor()
    await expectInert()
  })
})
