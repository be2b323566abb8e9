import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, callFrom, launchBrowser, startApp, type Visitor, visit } from './harness.ts'

const count = 3_000
const mostMounted = 120
/** Times are held to their bound where nothing else runs: `PARLEY_MEASURE=on npx vitest run --project e2e e2e/history.test.ts`. */
const measuring = process.env.PARLEY_MEASURE === 'on'
const longestTask = 100

let app: App
let browser: Browser
let ana: Visitor
let folder: string

function logLine(index: number): string {
  const at = new Date(Date.UTC(2020, 0, 1, 0, Math.floor(index / 3))).toISOString()
  const text = `message ${index} ${'and more words '.repeat(index % 9)}`.trim()
  return JSON.stringify({ conversation: 'long', index, at, author: `person-${index % 7}`, text })
}

/** Imports a long conversation into the running server, with Ana as somebody who sees it. */
async function importLong(): Promise<string> {
  const me = await callFrom<{ user: { id: string } }>(ana.page, 'GET', '/api/me')
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

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-history-'))
  app = await startApp()
  browser = await launchBrowser()
  ana = await visit(browser, app.links.get('ana') ?? '')
}, 90_000)

afterAll(async () => {
  await browser.close()
  await app.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('a long history', () => {
  it('E2E-7 opens at its end and scrolls to its beginning with few rows mounted', async () => {
    const { page } = ana
    const conversationId = await importLong()
    await page.addInitScript(() => {
      const tasks: { at: number; duration: number }[] = []
      Object.assign(globalThis, { tasks })
      new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries()) tasks.push({ at: startTime, duration })
      }).observe({ type: 'longtask' })
    })
    await page.goto(`${app.url}/c/${conversationId}`)
    await page.locator('[data-testid="message"]', { hasText: `message ${count - 1}` }).waitFor()
    await expect.poll(() => page.getByTestId('message-list').getAttribute('data-anchor')).toBe('bottom')
    const opened = await page.evaluate(() => performance.now())
    await page.getByTestId('message-list').hover()
    const start = page.locator('.parley-start')
    let mounted = 0
    for (let step = 0; step < 900 && (await start.count()) === 0; step += 1) {
      for (let turn = 0; turn < 5; turn += 1) await page.mouse.wheel(0, -2_500)
      mounted = Math.max(mounted, await page.locator('[data-testid="message"]').count())
    }
    await expect.poll(() => start.isVisible()).toBe(true)
    expect(mounted).toBeLessThanOrEqual(mostMounted)
    const longest = await page.evaluate((from) => {
      const { tasks } = globalThis as unknown as { tasks: { at: number; duration: number }[] }
      return Math.max(0, ...tasks.filter(({ at }) => at > from).map(({ duration }) => duration))
    }, opened)
    if (measuring) expect(longest).toBeLessThanOrEqual(longestTask)
    expect(await page.getByText('message 0', { exact: true }).count()).toBeGreaterThan(0)
  }, 180_000)
})
