import { Fragment, type ReactNode, useMemo, useState } from 'react'
import { text } from '../text.ts'
import { useTabIndex } from './entered.ts'
import { type Block, type Inline, parseMarkdown } from './markdown.ts'

const foldLines = 14
const foldCharacters = 1_200

interface LinkProps {
  readonly href: string
  readonly named: boolean
  readonly children: ReactNode
}

function hostOf(href: string): string {
  const { host, pathname } = new URL(href)
  return host || pathname
}

/** A link whose words are somebody's choice says where it leads. */
function Link({ href, named, children }: LinkProps) {
  return (
    <>
      <a href={href} target="_blank" rel="noopener noreferrer nofollow" tabIndex={useTabIndex()}>
        <bdi>{children}</bdi>
      </a>
      {named && (
        <span className="parley-link-host">
          {' '}
          (<bdi>{hostOf(href)}</bdi>)
        </span>
      )}
    </>
  )
}

function inlineElement(node: Inline, key: number): ReactNode {
  switch (node.type) {
    case 'text':
      return <Fragment key={key}>{node.text}</Fragment>
    case 'code':
      return <code key={key}>{node.text}</code>
    case 'strong':
      return <strong key={key}>{node.children.map(inlineElement)}</strong>
    case 'emphasis':
      return <em key={key}>{node.children.map(inlineElement)}</em>
    case 'strike':
      return <s key={key}>{node.children.map(inlineElement)}</s>
    case 'link':
      return (
        <Link key={key} href={node.href} named={node.named}>
          {node.children.map(inlineElement)}
        </Link>
      )
  }
}

function lines(all: readonly (readonly Inline[])[]): ReactNode {
  return all.map((line, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: lines of one immutable text
    <Fragment key={index}>
      {index > 0 && '\n'}
      {line.map(inlineElement)}
    </Fragment>
  ))
}

function blockElement(block: Block, key: number): ReactNode {
  switch (block.type) {
    case 'paragraph':
      return <p key={key}>{lines(block.lines)}</p>
    case 'quote':
      return <blockquote key={key}>{lines(block.lines)}</blockquote>
    case 'code':
      return (
        <pre key={key} data-language={block.language || undefined}>
          <code>{block.text}</code>
        </pre>
      )
    case 'list': {
      const items = block.items.map((item, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: items of one immutable text
        <li key={index}>{item.map(inlineElement)}</li>
      ))
      return block.ordered ? <ol key={key}>{items}</ol> : <ul key={key}>{items}</ul>
    }
  }
}

/** What a person wrote, as elements; long texts are folded. */
export function MessageText({ source }: { readonly source: string }) {
  const [open, setOpen] = useState(false)
  const tabIndex = useTabIndex()
  const blocks = useMemo(() => parseMarkdown(source), [source])
  const long = source.length > foldCharacters || source.split('\n').length > foldLines
  return (
    <div className="parley-text" dir="auto">
      <div className="parley-text-body" data-folded={long && !open}>
        {blocks.map(blockElement)}
      </div>
      {long && (
        <button
          type="button"
          className="parley-link"
          tabIndex={tabIndex}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {text(open ? 'showLess' : 'showAll')}
        </button>
      )}
    </div>
  )
}
