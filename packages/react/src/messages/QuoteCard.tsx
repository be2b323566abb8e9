import type { Quote } from '@parley/protocol'
import { useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { useTabIndex } from './entered.ts'

/** The beginning of the message that another one cites; activating it jumps there. */
export function QuoteCard({
  quote,
  onJump,
}: {
  readonly quote: Quote
  readonly onJump?: ((seq: number) => void) | undefined
}) {
  const name = useSelect((state) => state.users[quote.senderId]?.name ?? text('formerMember'))
  const tabIndex = useTabIndex()
  const body = (
    <>
      <span className="parley-quote-name">{name}</span>
      <span className="parley-quote-text" dir="auto">
        {quote.deleted ? text('quoteDeleted') : quote.text}
      </span>
    </>
  )
  if (!onJump || quote.deleted) return <span className="parley-quote">{body}</span>
  return (
    <button
      type="button"
      className="parley-quote"
      tabIndex={tabIndex}
      aria-label={`${text('quoteOf', { name })}: ${quote.text}`}
      onClick={() => onJump(quote.seq)}
    >
      {body}
    </button>
  )
}
