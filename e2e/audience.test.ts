import { beforeAll, describe, expect, it } from 'vitest'
import { type Created, callFrom, visit } from './harness.ts'
import { app, audience, browser, dana, field, ids, listen, open, page, said, spoken, tab } from './scene.ts'

interface Found {
  readonly items: readonly { readonly id: string; readonly name: string }[]
}

const sides = ['Acme Ltd', 'Northwind Lighting', 'Row Press']
let shared: string

/** Names of companies, in no order. */
function companiesIn(words: string | null): string[] {
  return [...sides, 'Fernhill Studio'].filter((name) => words?.includes(name)).toSorted()
}

async function idsOf(names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map((name) => callFrom<Found>(page, 'GET', `/api/messaging/users?q=${encodeURIComponent(name)}`)),
  )
  return found.flatMap(({ items }) => items.map(({ id }) => id))
}

beforeAll(async () => {
  const { conversation } = await callFrom<Created>(page, 'POST', '/api/messaging/conversations', {
    kind: 'external',
    participants: await idsOf(['Dana', 'Priya', 'Tomasz', 'Luis']),
    subject: 'keels',
    firstMessage: { clientKey: 'first-of-the-keels', text: 'About keels' },
  })
  shared = conversation.conversation.id
})

describe('UI-83 who will read it', () => {
  it('is said with the names of all companies, at every control that sends', async () => {
    await open('keels')
    expect(companiesIn(await page.getByTestId('send-button').textContent())).toEqual(sides)
    expect(companiesIn(await field().getAttribute('aria-label'))).toEqual(sides)
    expect(companiesIn(await page.locator('.parley-header-facts').textContent())).toEqual(sides)
    await page.setViewportSize({ width: 390, height: 844 })
    const [box, whole] = [page.getByTestId('composer'), page.getByTestId('send-button')]
    const [outer, inner] = await Promise.all([box.boundingBox(), whole.boundingBox()])
    expect((inner?.x ?? 0) + (inner?.width ?? 0)).toBeLessThanOrEqual((outer?.x ?? 0) + (outer?.width ?? 0))
    await page.setViewportSize({ width: 1_440, height: 900 })
    await dana.goto(`${app.url}/c/${shared}`)
    const send = dana.getByTestId('send-button')
    await expect
      .poll(async () => companiesIn(await send.textContent()))
      .toEqual(['Fernhill Studio', 'Northwind Lighting', 'Row Press'])
  })

  it('follows the text of a message that was refused into its own field, with what it quotes', async () => {
    await said('About rudders').hover()
    await said('About rudders').getByRole('button', { name: 'Reply' }).click()
    await tab(/note/i).click()
    await field().fill('a note that is refused')
    await page.route('**/api/messaging/conversations/*/messages', (route) =>
      route.request().method() === 'POST'
        ? route.fulfill({ status: 403, json: { error: { code: 'forbidden', message: 'No' } } })
        : route.continue(),
    )
    await field().press('Enter')
    const failed = said('a note that is refused').and(page.locator('[data-status="failed"]'))
    await failed.waitFor()
    await page.unrouteAll()
    await tab(/reply/i).click()
    await field().fill('a reply meanwhile')
    await failed.getByRole('button', { name: 'Edit' }).click()
    expect([await audience(), await field().inputValue()]).toEqual(['team', 'a note that is refused'])
    expect(await page.locator('.parley-quote-bar').textContent()).toContain('About rudders')
    await field().press('Escape')
    expect(await page.locator('.parley-quote-bar').count()).toBe(0)
    await field().fill('')
    await tab(/reply/i).click()
    await field().fill('')
  })

  it('is heard with a note, in the conversation and in the list', async () => {
    await listen()
    const { page: luis } = await visit(browser, app.links.get('luis') ?? '')
    const address = `/api/messaging/conversations/${ids[0]}`
    const [userId] = await idsOf(['Luis'])
    await callFrom(page, 'POST', `${address}/participants`, { userId, history: 'none' })
    const words = { clientKey: 'luis-takes-a-note', text: 'their budget is small', audience: 'team' }
    await callFrom(luis, 'POST', `${address}/messages`, words)
    await expect.poll(spoken).toMatch(/internal note: their budget is small/)
    const row = page.getByTestId('conversation-row').filter({ hasText: 'their budget' })
    expect(await row.getAttribute('aria-label')).toContain('Internal note')
  })
})

describe('UI-84 choosing people', () => {
  it('keeps the person that is highlighted when the answer puts others before', async () => {
    await page.goto(`${app.url}/new`)
    const people = page.getByRole('combobox')
    await people.click()
    await page.getByRole('option').nth(2).waitFor()
    await page.route('**/api/messaging/users?q=an**', async (route) => {
      const response = await route.fetch()
      const { items, ...rest } = await response.json()
      await new Promise((resolve) => setTimeout(resolve, 500))
      await route.fulfill({ response, json: { ...rest, items: items.toReversed() } })
    })
    await people.fill('an')
    await people.press('ArrowDown')
    const highlighted = page.locator('[role="option"][aria-selected="true"]')
    const name = (await highlighted.textContent()) ?? ''
    const before = await page.getByRole('option').allTextContents()
    await expect.poll(() => page.getByRole('option').allTextContents()).not.toEqual(before)
    expect(await highlighted.textContent()).toBe(name)
    expect(await people.getAttribute('aria-activedescendant')).toBe(await highlighted.getAttribute('id'))
    await people.press('Enter')
    expect(name).toContain((await page.locator('.parley-person-chip').textContent()) ?? 'nobody')
    await page.unrouteAll()
  })

  it('starts nothing by the Enter that finds nobody', async () => {
    await page.goto(`${app.url}/new`)
    const people = page.getByRole('combobox')
    if ((await page.locator('.parley-person-chip').count()) === 0) {
      await people.fill('Dana')
      await page.getByRole('option', { name: 'Dana' }).click()
    }
    await page.getByLabel('First message').fill('not yet')
    await people.fill('Nobody like that')
    await page.getByText('Nobody found').waitFor()
    await people.press('Enter')
    await people.press('Escape')
    await people.press('Enter')
    await page.waitForTimeout(300)
    expect(page.url()).toContain('/new')
    expect(await page.getByLabel('First message').inputValue()).toBe('not yet')
  })
})

describe('UI-85 a page over plain http', () => {
  it('starts conversations and copies as any other', async () => {
    await page.addInitScript(() => {
      Object.defineProperty(crypto, 'randomUUID', { value: undefined })
      Object.defineProperty(navigator, 'clipboard', { value: undefined })
    })
    await page.goto(`${app.url}/new`)
    const people = page.getByRole('combobox')
    if ((await page.locator('.parley-person-chip').count()) === 0) {
      await people.fill('Luis')
      await page.getByRole('option', { name: 'Luis' }).click()
    }
    await page.getByLabel('First message').fill('over plain http')
    await page.getByRole('button', { name: 'Start conversation' }).click()
    await said('over plain http').waitFor()
    await said('over plain http').press('c')
    await expect.poll(() => page.getByTestId('announcer-polite').textContent()).toContain('Copied')
    await field().press('ControlOrMeta+v')
    expect(await field().inputValue()).toBe('over plain http')
    await field().fill('')
  })
})
