/** A piece of a line. */
export type Inline =
  | { readonly type: 'text' | 'code'; readonly text: string }
  | { readonly type: 'strong' | 'emphasis' | 'strike'; readonly children: readonly Inline[] }
  | {
      readonly type: 'link'
      readonly href: string
      /** Whether its words are others than its address. */
      readonly named: boolean
      readonly children: readonly Inline[]
    }

/** A block of a message. */
export type Block =
  | { readonly type: 'paragraph'; readonly lines: readonly (readonly Inline[])[] }
  | { readonly type: 'quote'; readonly lines: readonly (readonly Inline[])[] }
  | { readonly type: 'list'; readonly ordered: boolean; readonly items: readonly (readonly Inline[])[] }
  | { readonly type: 'code'; readonly language: string; readonly text: string }

const deepest = 4
const spans = [
  { type: 'strong', mark: '**' },
  { type: 'strong', mark: '__' },
  { type: 'strike', mark: '~~' },
  { type: 'emphasis', mark: '*' },
  { type: 'emphasis', mark: '_' },
] as const
const address = /^(?:https?:\/\/|mailto:)[^\s<>"'`\u0000-\u001f]+/i
const special = /[`*_~[hHmM]/g
const wordCharacter = /[\p{L}\p{N}]/u

/**
 * An address that may be linked; null for any other scheme, or text that hides one.
 * @param url as written
 */
function safeHref(url: string): string | null {
  if (!/^(?:https?:\/\/|mailto:)[^\s\u0000-\u001f]+$/i.test(url)) return null
  return URL.canParse(url) ? url : null
}

function bareLink(source: string, at: number): { href: string; length: number } | null {
  if (at > 0 && wordCharacter.test(source[at - 1] ?? '')) return null
  const found = address.exec(source.slice(at, at + 2048))?.[0].replace(/[.,;:!?)\]}]+$/, '')
  return found !== undefined && safeHref(found) !== null ? { href: found, length: found.length } : null
}

interface Piece {
  readonly node: Inline
  readonly length: number
}

function codeAt(source: string, at: number): Piece | null {
  const end = source.indexOf('`', at + 1)
  if (end <= at + 1) return null
  return { node: { type: 'code', text: source.slice(at + 1, end) }, length: end + 1 - at }
}

function namedLinkAt(source: string, at: number, depth: number): Piece | null {
  const match = /^\[([^\]\n]{1,500})\]\(([^()\s]{1,2048})\)/.exec(source.slice(at, at + 2600))
  const href = match?.[2] === undefined ? null : safeHref(match[2])
  if (!match || href === null) return null
  return {
    node: { type: 'link', href, named: match[1] !== href, children: inline(match[1] ?? '', depth + 1) },
    length: match[0].length,
  }
}

function spanAt(source: string, at: number, depth: number): Piece | null {
  for (const { type, mark } of spans) {
    if (!source.startsWith(mark, at)) continue
    const start = at + mark.length
    const end = source.indexOf(mark, start + 1)
    const inner = source.slice(start, end)
    const inWord = mark.startsWith('_') && wordCharacter.test(source[at - 1] ?? '')
    const partOfMore = mark.length === 1 && (source[at - 1] === mark || source[start] === mark)
    const fits = end > start && !/^\s|\s$/.test(inner) && !inWord && !partOfMore
    if (fits) return { node: { type, children: inline(inner, depth + 1) }, length: end + mark.length - at }
  }
  return null
}

function pieceAt(source: string, at: number, depth: number): Piece | null {
  const character = source[at]
  if (character === '`') return codeAt(source, at)
  if (character === '[') return namedLinkAt(source, at, depth)
  const link = bareLink(source, at)
  if (link) {
    const children: Inline[] = [{ type: 'text', text: link.href }]
    return { node: { type: 'link', href: link.href, named: false, children }, length: link.length }
  }
  return depth < deepest ? spanAt(source, at, depth) : null
}

/** The pieces of a line. Linear but for the look ahead to a closing mark; nesting is bounded. */
function inline(source: string, depth = 0): Inline[] {
  const nodes: Inline[] = []
  let plainFrom = 0
  const flush = (to: number) => {
    if (to > plainFrom) nodes.push({ type: 'text', text: source.slice(plainFrom, to) })
  }
  special.lastIndex = 0
  for (let at = nextSpecial(source, 0); at >= 0; ) {
    const piece = pieceAt(source, at, depth)
    if (piece) {
      flush(at)
      nodes.push(piece.node)
      plainFrom = at + piece.length
    }
    at = nextSpecial(source, piece ? plainFrom : at + 1)
  }
  flush(source.length)
  return nodes
}

function nextSpecial(source: string, from: number): number {
  special.lastIndex = from
  return special.exec(source)?.index ?? -1
}

const markers = {
  quote: /^>\s?/,
  bullet: /^\s*[-*•]\s+/,
  number: /^\s*\d{1,9}[.)]\s+/,
  fence: /^```([\w+-]*)\s*$/,
  heading: /^#{1,6}\s+/,
} as const

type LineKind = 'quote' | 'bullet' | 'number' | 'fence' | 'text'

function kindOf(line: string): LineKind {
  for (const kind of ['fence', 'quote', 'bullet', 'number'] as const) if (markers[kind].test(line)) return kind
  return 'text'
}

function textLine(line: string): Inline[] {
  const heading = markers.heading.test(line)
  const nodes = inline(line.replace(markers.heading, ''))
  return heading ? [{ type: 'strong', children: nodes }] : nodes
}

function blockOf(kind: Exclude<LineKind, 'fence'>, lines: readonly string[]): Block {
  if (kind === 'quote') return { type: 'quote', lines: lines.map((line) => inline(line.replace(markers.quote, ''))) }
  if (kind === 'text') return { type: 'paragraph', lines: lines.map(textLine) }
  return {
    type: 'list',
    ordered: kind === 'number',
    items: lines.map((line) => inline(line.replace(markers[kind], ''))),
  }
}

/**
 * Reads the safe subset of Markdown that messages use into a tree: bold, italic, strike, code, links, lists, quotes.
 * There is no HTML in it, and nothing to sanitize: what is not understood stays text.
 * @param source what a person wrote
 */
export function parseMarkdown(source: string): Block[] {
  const lines = source.split('\n')
  const blocks: Block[] = []
  for (let at = 0; at < lines.length; ) {
    const kind = kindOf(lines[at] ?? '')
    let end = at + 1
    if (kind === 'fence') {
      while (end < lines.length && !/^```\s*$/.test(lines[end] ?? '')) end += 1
      const language = markers.fence.exec(lines[at] ?? '')?.[1] ?? ''
      blocks.push({ type: 'code', language, text: lines.slice(at + 1, end).join('\n') })
      at = end + 1
      continue
    }
    while (end < lines.length && kindOf(lines[end] ?? '') === kind) end += 1
    blocks.push(blockOf(kind, lines.slice(at, end)))
    at = end
  }
  return blocks
}
