import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

/** Text or sign, what it stands on, and the ratio WCAG asks for. */
const pairs = [
  ['text-1', 'bg-surface', 7],
  ['text-1', 'bg-app', 7],
  ['text-1', 'bg-selected', 7],
  ['text-1', 'bg-hover', 7],
  ['text-1', 'bg-raised', 7],
  ['text-2', 'bg-surface', 4.5],
  ['text-2', 'bg-app', 4.5],
  ['text-2', 'bg-selected', 4.5],
  ['text-2', 'bg-hover', 4.5],
  ['text-2', 'bubble-other', 4.5],
  ['text-3', 'bg-surface', 4.5],
  ['text-3', 'bg-app', 4.5],
  ['text-3', 'bg-hover', 4.5],
  ['text-3', 'bg-selected', 4.5],
  ['text-3', 'bg-raised', 4.5],
  ['text-3', 'bg-sunken', 4.5],
  ['on-accent', 'accent', 4.5],
  ['on-accent', 'accent-hover', 4.5],
  ['on-accent', 'accent-pressed', 4.5],
  ['accent-text', 'bg-surface', 4.5],
  ['accent-text', 'bg-app', 4.5],
  ['accent-text', 'bg-selected', 4.5],
  ['accent-text', 'accent-soft', 4.5],
  ['accent-text', 'bubble-other', 4.5],
  ['bubble-own-text', 'bubble-own', 4.5],
  ['bubble-own-meta', 'bubble-own', 4.5],
  ['bubble-other-text', 'bubble-other', 7],
  ['bubble-other-meta', 'bubble-other', 4.5],
  ['note-text', 'note-bg', 7],
  ['note-meta', 'note-bg', 4.5],
  ['note-border', 'bg-surface', 3],
  ['note-border', 'note-bg', 3],
  ['external-text', 'external-bg', 4.5],
  ['internal-text', 'internal-bg', 4.5],
  ['mention-text', 'mention-bg', 4.5],
  ['mention-me-text', 'mention-me-bg', 4.5],
  ['unread', 'bg-surface', 3],
  ['unread-text', 'bg-surface', 4.5],
  ['badge-text', 'badge-bg', 4.5],
  ['badge-mention-text', 'badge-mention-bg', 4.5],
  ['badge-muted-text', 'badge-muted-bg', 4.5],
  ['badge-bg', 'bg-app', 3],
  ['badge-mention-bg', 'bg-app', 3],
  ['online', 'bg-surface', 3],
  ['online', 'bg-app', 3],
  ['away', 'bg-surface', 3],
  ['away', 'bg-app', 3],
  ['dnd', 'bg-app', 3],
  ['offline', 'bg-app', 3],
  ['online', 'bg-selected', 3],
  ['away', 'bg-selected', 3],
  ['offline', 'bg-selected', 3],
  ['on-danger', 'danger', 4.5],
  ['on-danger', 'danger-hover', 4.5],
  ['danger-text', 'bg-surface', 4.5],
  ['danger-text', 'danger-soft', 4.5],
  ['danger-text', 'bg-app', 4.5],
  ['warning-text', 'warning-soft', 4.5],
  ['warning-text', 'bg-surface', 4.5],
  ['success-text', 'success-soft', 4.5],
  ['success-text', 'bg-surface', 4.5],
  ['info-text', 'info-soft', 4.5],
  ['search-hit-text', 'search-hit-bg', 4.5],
  ['code-text', 'code-bg', 4.5],
  ['text-1', 'code-bg', 7],
  ['tooltip-text', 'tooltip-bg', 4.5],
  ['border-control', 'bg-surface', 3],
  ['border-control', 'bg-app', 3],
  ['border-control', 'bg-raised', 3],
  ['focus', 'bg-surface', 3],
  ['focus', 'bg-app', 3],
  ['focus', 'bg-selected', 3],
  ['focus', 'bg-raised', 3],
  ['focus', 'bubble-other', 3],
] as const

const css = readFileSync(join(import.meta.dirname, '../src/tokens.css'), 'utf8')

function tokensOf(selector: string): Map<string, string> {
  const from = css.indexOf(`${selector} {`)
  const block = css.slice(from, css.indexOf('}', from))
  return new Map(
    [...block.matchAll(/--parley-([a-z0-9-]+): (#[0-9a-f]{6});/g)].map((match) => [match[1] ?? '', match[2] ?? '']),
  )
}

function luminance(colour: string): number {
  const channels = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
  const [red = 0, green = 0, blue = 0] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** Contrast of two colours by WCAG 2. */
function ratio(a: string, b: string): number {
  const [lighter = 0, darker = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (lighter + 0.05) / (darker + 0.05)
}

describe.each([
  ['light', '[data-parley-root]'],
  ['dark', "[data-parley-root][data-theme='dark']"],
])('UI-1 contrast of the %s tokens', (_theme, selector) => {
  const tokens = tokensOf(selector)
  it.each(pairs)('%s on %s reaches %d', (front, back, least) => {
    expect(ratio(tokens.get(front) ?? '', tokens.get(back) ?? '')).toBeGreaterThanOrEqual(least)
  })
})
