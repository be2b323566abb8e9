import { describe, expect, it } from 'vitest'
import { type Block, type Inline, parseMarkdown } from '../src/messages/markdown.ts'
import { hostile } from './hostile.ts'

function piecesOf(block: Block): readonly Inline[] {
  switch (block.type) {
    case 'code':
      return [{ type: 'code', text: block.text }]
    case 'list':
      return block.items.flat()
    case 'paragraph':
    case 'quote':
      return block.lines.flat()
  }
}

function everyPiece(pieces: readonly Inline[]): Inline[] {
  return pieces.flatMap((piece) => ('children' in piece ? [piece, ...everyPiece(piece.children)] : [piece]))
}

function pieces(source: string): Inline[] {
  return parseMarkdown(source).flatMap((block) => everyPiece(piecesOf(block)))
}

function hrefs(source: string): string[] {
  return pieces(source).flatMap((piece) => (piece.type === 'link' ? [piece.href] : []))
}

function words(source: string): string {
  return pieces(source)
    .map((piece) => ('text' in piece ? piece.text : ''))
    .join('')
}

describe('UI-30 what people write becomes a tree of text', () => {
  it.each([
    ['**bold**', 'strong'],
    ['__bold__', 'strong'],
    ['*slanted*', 'emphasis'],
    ['_slanted_', 'emphasis'],
    ['~~gone~~', 'strike'],
    ['`code`', 'code'],
    ['# heading', 'strong'],
  ])('UI-30 %s is %s', (source, type) => {
    expect(pieces(source)[0]?.type).toBe(type)
  })

  it('UI-30 blocks: lists, quotes, fences and paragraphs', () => {
    const source = 'words\n- one\n- two\n1. first\n> cited\n```ts\nconst a = 1\n\n**not bold**\n```\nmore'
    expect(parseMarkdown(source).map(({ type }) => type)).toEqual([
      'paragraph',
      'list',
      'list',
      'quote',
      'code',
      'paragraph',
    ])
    expect(parseMarkdown(source)[4]).toEqual({ type: 'code', language: 'ts', text: 'const a = 1\n\n**not bold**' })
  })

  it('UI-30 a fence without an end runs to the end', () => {
    expect(parseMarkdown('```\nall the rest')).toEqual([{ type: 'code', language: '', text: 'all the rest' }])
  })

  it.each(['snake_case_name', '2 * 3 * 4', '** spaced **', '****', '`', '[x]', '[x](', '_', '~~', 'a__b__c'])(
    'UI-30 %s stays as it was written',
    (source) => {
      expect(pieces(source).map(({ type }) => type)).toEqual(['text'])
      expect(words(source)).toBe(source)
    },
  )

  it('UI-30 nesting is bounded, and a long line takes no long time', () => {
    const began = performance.now()
    for (const mark of ['*', '_', '**', '~~', '[', '`', '> ', '- ', '[x](', 'http://'])
      parseMarkdown(mark.repeat(4_000))
    parseMarkdown(`${'**_'.repeat(600)}x${'_**'.repeat(600)}`)
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})

describe('UI-31 only addresses of the web and of mail become links', () => {
  it.each([
    ['see https://example.com/a?b=c#d now', 'https://example.com/a?b=c#d'],
    ['(https://example.com/a)', 'https://example.com/a'],
    ['https://example.com/a.', 'https://example.com/a'],
    ['HTTPS://EXAMPLE.COM/A', 'HTTPS://EXAMPLE.COM/A'],
    ['mailto:ada@example.com', 'mailto:ada@example.com'],
    ['[text](https://example.com/b)', 'https://example.com/b'],
  ])('UI-31 %s', (source, href) => {
    expect(hrefs(source)).toEqual([href])
  })

  it.each(['xhttps://example.com', 'https://', 'https:// example.com', '[x](example.com)', 'www.example.com'])(
    'UI-31 %s is none',
    (source) => {
      expect(hrefs(source)).toEqual([])
    },
  )

  it('UI-31 a link whose words are others than its address is marked, so that its host can be shown', () => {
    const named = (source: string) => pieces(source).flatMap((piece) => (piece.type === 'link' ? [piece.named] : []))
    expect(named('[https://bank.example](https://evil.example)')).toContain(true)
    expect(named('[https://bank.example](https://bank.example)')).not.toContain(true)
    expect(named('https://bank.example')).toEqual([false])
  })

  it('UI-31 every control character in a scheme or an address unmakes the link', () => {
    for (let code = 0; code <= 32; code += 1) {
      const character = String.fromCharCode(code)
      for (const source of [
        `java${character}script:alert(1)`,
        `${character}javascript:alert(1)`,
        `ht${character}tps://a.b`,
      ]) {
        expect(hrefs(source), JSON.stringify(source)).toEqual([])
        expect(hrefs(`[x](${source})`), JSON.stringify(source)).toEqual([])
      }
      expect(hrefs(`https://a.example/${character}x`).join('')).not.toContain(character)
    }
  })
})

describe('UI-32 hostile strings stay inert', () => {
  it('UI-32 there are at least 200 of them, all different', () => {
    expect(new Set(hostile).size).toBe(hostile.length)
    expect(hostile.length).toBeGreaterThanOrEqual(200)
  })

  it.each(hostile)('UI-32 %j', (source) => {
    for (const href of hrefs(source)) {
      expect(['http:', 'https:', 'mailto:']).toContain(new URL(href).protocol)
      expect(href).not.toMatch(/[\s"'<>`]/)
    }
    const kinds = new Set(pieces(source).map(({ type }) => type))
    for (const kind of kinds) expect(['text', 'code', 'strong', 'emphasis', 'strike', 'link']).toContain(kind)
  })

  it('UI-32 markup of other languages is shown letter by letter', () => {
    for (const source of hostile.filter((each) => !/[`*_~#\n]|^[>-]|\]\(/.test(each) && hrefs(each).length === 0)) {
      expect(words(source)).toBe(source)
    }
  })
})
