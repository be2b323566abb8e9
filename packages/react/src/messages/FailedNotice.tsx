import type { Pending } from '@parley/client'
import type { TextKey } from '../messages.en.ts'
import { useClient } from '../provider.tsx'
import { text } from '../text.ts'

const reasons: Readonly<Record<string, TextKey>> = {
  forbidden: 'failedForbidden',
  too_large: 'failedTooLarge',
  not_found: 'failedGone',
  conversation_archived: 'failedArchived',
}

/** Why a message was not sent, in words. */
function failureReason({ error }: Pick<Pending, 'error'>): string {
  if (error === null) return text('failedStale')
  return text(reasons[error] ?? 'failedOther')
}

/** Says that a message was not sent and why, and what one can do about it. */
export function FailedNotice({ pending }: { readonly pending: Pending }) {
  const { messages, drafts } = useClient()
  const { conversationId, clientKey, audience } = pending
  return (
    <div className="parley-failed">
      <span>
        {text('statusFailed')}. {failureReason(pending)}.
      </span>
      <button type="button" className="parley-link" onClick={() => messages.retry(conversationId, clientKey)}>
        {text('retry')}
      </button>
      <button
        type="button"
        className="parley-link"
        onClick={() => {
          drafts.set(conversationId, audience, pending.text)
          messages.discard(conversationId, clientKey)
        }}
      >
        {text('edit')}
      </button>
      <button type="button" className="parley-link" onClick={() => messages.discard(conversationId, clientKey)}>
        {text('delete')}
      </button>
    </div>
  )
}
