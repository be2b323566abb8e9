import { type Pending, selectAudience } from '@parley/client'
import { useEffect, useRef } from 'react'
import { announce } from '../announcer/announce.ts'
import { focusComposer } from '../composer/focus-composer.ts'
import { keepQuoted } from '../composer/use-quoted.ts'
import type { TextKey } from '../messages.en.ts'
import { useClient, useSelect } from '../provider.tsx'
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

/** Tells screen readers once of every message that could not be sent. */
export function useAnnouncedFailures(conversationId: string): void {
  const failed = useSelect((state) => state.outbox[conversationId]?.findLast(({ status }) => status === 'failed'))
  const known = useRef(failed?.clientKey)
  useEffect(() => {
    const isNew = failed && failed.clientKey !== known.current
    known.current = failed?.clientKey
    if (isNew) announce(text('announcedFailed', { reason: failureReason(failed) }), 'assertive')
  }, [failed])
}

/** Says that a message was not sent and why, and what one can do about it. */
export function FailedNotice({ pending }: { readonly pending: Pending }) {
  const { messages, drafts, store } = useClient()
  const { conversationId, clientKey, audience, quote } = pending
  const discard = () => {
    messages.discard(conversationId, clientKey)
    focusComposer()
  }
  const edit = () => {
    const draft = drafts.get(conversationId, audience)
    drafts.set(conversationId, audience, [pending.text, draft].filter(Boolean).join('\n'))
    const state = store.getState()
    const quoted = state.timelines[conversationId]?.items.find(({ id }) => id === quote?.messageId)
    if (quoted) keepQuoted(drafts, conversationId, quoted)
    if (selectAudience(state, conversationId) !== audience) {
      drafts.choose(conversationId, audience)
      announce(text(audience === 'team' ? 'noteAnnounced' : 'replyAnnounced'))
    }
    discard()
  }
  return (
    <div className="parley-failed">
      <span>
        {text('statusFailed')}. {failureReason(pending)}.
      </span>
      <button
        type="button"
        className="parley-link"
        onClick={(event) => {
          event.currentTarget.closest('article')?.focus()
          messages.retry(conversationId, clientKey)
        }}
      >
        {text('retry')}
      </button>
      <button type="button" className="parley-link" onClick={edit}>
        {text('edit')}
      </button>
      <button type="button" className="parley-link" onClick={discard}>
        {text('delete')}
      </button>
    </div>
  )
}
