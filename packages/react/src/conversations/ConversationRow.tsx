import type { ConversationSnapshot } from '@parley/protocol'
import { ArrowUpRight, CircleAlert, Lock, Pencil } from 'lucide-react'
import { memo } from 'react'
import { listTime } from '../dates.ts'
import { Faces } from '../people/Faces.tsx'
import { useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { useToday } from '../use-today.ts'
import { type Preview, previewOf } from './row-preview.ts'
import { useTitle } from './use-conversation.ts'

const badgeCeiling = 99

function PreviewIcon({ kind }: Pick<Preview, 'kind'>) {
  if (kind === 'failed') return <CircleAlert size={14} aria-hidden="true" />
  if (kind === 'draft') return <Pencil size={14} aria-hidden="true" />
  if (kind === 'note') return <Lock size={14} aria-hidden="true" />
  return null
}

export interface ConversationRowProps {
  readonly conversation: ConversationSnapshot
  readonly selected: boolean
  readonly focusable: boolean
  readonly onOpen: (conversationId: string) => void
}

/** One conversation in the list. */
export const ConversationRow = memo(function ConversationRow(props: ConversationRowProps) {
  const { conversation, selected, focusable, onOpen } = props
  const { id, kind } = conversation.conversation
  const title = useTitle(conversation)
  const previewKind = useSelect((state) => previewOf(state, conversation).kind)
  const previewText = useSelect((state) => previewOf(state, conversation).text)
  const { unread } = conversation
  const time = listTime(conversation.activityAt, useToday())
  const news = unread > 0 ? text('unreadCount', { count: unread }) : ''
  const note = previewKind === 'note' ? text('composerNote') : ''
  const spoken = [title, text(kind), news, note, previewText, time]
  return (
    <li className="parley-row-item">
      <button
        type="button"
        className="parley-row"
        data-testid="conversation-row"
        data-conversation-id={id}
        data-unread={unread}
        data-selected={selected}
        aria-current={selected ? 'page' : undefined}
        aria-label={spoken.filter(Boolean).join(', ')}
        tabIndex={focusable ? 0 : -1}
        onClick={() => onOpen(id)}
      >
        <Faces conversation={conversation} />
        <span className="parley-row-lines">
          <span className="parley-row-line">
            <span className="parley-row-title" dir="auto">
              {title}
            </span>
            <span className="parley-row-kind" data-kind={kind}>
              {kind === 'external' ? (
                <ArrowUpRight size={14} aria-hidden="true" />
              ) : (
                <Lock size={13} aria-hidden="true" />
              )}
            </span>
            <time className="parley-row-time" dateTime={conversation.activityAt}>
              {time}
            </time>
          </span>
          <span className="parley-row-line">
            <span className="parley-row-preview" data-kind={previewKind} dir="auto">
              <PreviewIcon kind={previewKind} />
              <span>{previewText}</span>
            </span>
            {unread > 0 && (
              <span className="parley-badge" title={String(unread)}>
                {unread > badgeCeiling ? `${badgeCeiling}+` : unread}
              </span>
            )}
          </span>
        </span>
      </button>
    </li>
  )
})
