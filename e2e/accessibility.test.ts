import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, launchBrowser, startApp, visit } from './harness.ts'

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
const sizes = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
]
const schemes = ['light', 'dark'] as const

let app: App
let browser: Browser
let page: Page
let conversation: string

/** What axe finds; in the dark it looks at colours only, for the rest is the same as in the light. */
async function violationsIn(colorScheme: (typeof schemes)[number]): Promise<string[]> {
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
  const axe = new AxeBuilder({ page })
  const chosen = colorScheme === 'light' ? axe.withTags(tags) : axe.withRules('color-contrast')
  const { violations } = await chosen.analyze()
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`)
}

/** Judges what is on the screen in both themes, wide and narrow. */
async function expectNoViolations(): Promise<void> {
  for (const size of sizes) {
    await page.setViewportSize(size)
    for (const colorScheme of schemes) {
      expect(await violationsIn(colorScheme), `${size.width} ${colorScheme}`).toEqual([])
    }
  }
}

async function open(path: string): Promise<void> {
  const [wide] = sizes
  if (wide) await page.setViewportSize(wide)
  await page.goto(`${app.url}${path}`)
}

async function openConversation(panel = ''): Promise<void> {
  await open(`/c/${conversation}${panel}`)
  await page.getByTestId('message').first().waitFor()
}

beforeAll(async () => {
  app = await startApp()
  browser = await launchBrowser()
  page = (await visit(browser, app.links.get('ana') ?? '')).page
  const row = page.getByTestId('conversation-row').first()
  conversation = (await row.getAttribute('data-conversation-id')) ?? ''
}, 90_000)

afterAll(async () => {
  await browser?.close()
  await app?.stop()
})

describe('UI-40 axe finds no violation of WCAG A and AA', () => {
  it('UI-40 in the inbox', async () => {
    await open('/inbox')
    await page.getByTestId('conversation-row').first().waitFor()
    await expectNoViolations()
  })

  it('UI-40 in a list where nothing matches', async () => {
    await open('/inbox')
    await page.getByRole('searchbox').fill('nothing is called this')
    await page.getByText('No matches').waitFor()
    await expectNoViolations()
  })

  it('UI-40 in a conversation', async () => {
    await openConversation()
    await expectNoViolations()
  })

  it('UI-40 while writing a note and quoting', async () => {
    await openConversation()
    await page.getByRole('tab', { name: 'Internal note' }).click()
    await page.getByTestId('message').last().focus()
    await page.keyboard.press('r')
    await page.getByTestId('message-input').fill('Seen by the team only')
    await expectNoViolations()
    await page.getByTestId('message-input').fill('')
  })

  it('UI-40 beside the people of a conversation', async () => {
    await openConversation('/panel/people')
    await page.getByRole('heading', { name: 'Clients and partners' }).waitFor()
    await expectNoViolations()
  })

  it('UI-40 with a menu open', async () => {
    await openConversation()
    await page.locator('.parley-header').getByRole('button', { name: 'More', exact: true }).click()
    await page.getByRole('menu').waitFor()
    await expectNoViolations()
  })

  it('UI-40 with a dialog open', async () => {
    await openConversation()
    await page.locator('[data-testid="message"][data-own="true"]').last().focus()
    await page.keyboard.press('Delete')
    await page.getByRole('dialog').waitFor()
    await expectNoViolations()
  })

  it('UI-40 in a new conversation', async () => {
    await open('/new')
    await page.getByRole('combobox').fill('Dan')
    await page.getByRole('option').first().waitFor()
    await expectNoViolations()
    await page.getByRole('combobox').press('Enter')
    await expectNoViolations()
  })

  it('UI-50 nobody finds himself; Enter takes nobody but who matches what was typed, before the server has answered too', async () => {
    await open('/new')
    await page.getByRole('combobox').click()
    await page.getByRole('option').nth(2).waitFor()
    expect((await page.getByRole('option').allTextContents()).filter((name) => name.includes('Ana Ferreira'))).toEqual(
      [],
    )
    await page.getByRole('combobox').fill('Dana')
    await page.getByRole('combobox').press('Enter')
    await page.locator('.parley-person-chip').waitFor()
    expect(await page.locator('.parley-person-chip').allTextContents()).toEqual([expect.stringContaining('Dana')])
  })

  it('UI-51 a search for people that takes long or fails says so, and what is typed next is searched anew', async () => {
    await open('/new')
    let answer = () => {}
    const held = new Promise<void>((resolve) => {
      answer = resolve
    })
    await page.route('**/api/messaging/users?q=xq', async (route) => {
      await held
      await route.abort()
    })
    await page.getByRole('combobox').fill('xq')
    await page.getByText('Searching', { exact: true }).waitFor()
    answer()
    await page.getByText("Couldn't search").waitFor()
    await expectNoViolations()
    await page.getByRole('combobox').fill('Luis')
    await page.getByRole('option', { name: 'Luis' }).waitFor()
    await page.unrouteAll()
  })

  it('UI-40 where there is nothing, and where one may not be', async () => {
    await open('/no/such/page')
    await page.getByText('There is nothing at this address').waitFor()
    await expectNoViolations()
    await open('/c/01m00000000000000000000000')
    await page.getByText('You no longer have access').waitFor()
    await expectNoViolations()
  })

  it('UI-40 when loading failed', async () => {
    await page.route('**/api/messaging/**', (route) => route.fulfill({ status: 500, body: '{}' }))
    await open(`/c/${conversation}`)
    await page.getByRole('button', { name: 'Retry' }).first().waitFor()
    await expectNoViolations()
    await page.unroute('**/api/messaging/**')
  })

  it('UI-40 at the sign-in, with a link that was used', async () => {
    await page.context().clearCookies()
    await open('/sign-in')
    await page.getByLabel('Email').waitFor()
    await expectNoViolations()
    await open('/link#used-before')
    await page.getByText('This link was used before').waitFor()
    await expectNoViolations()
  })
})
