import { selectDraft } from '@parley/client'
import type { Audience } from '@parley/protocol'
import { useEffect, useRef, useState } from 'react'
import { MessageComposer } from '../composer/MessageComposer.tsx'
import { TypingIndicator } from '../composer/TypingIndicator.tsx'
import { useQuoted } from '../composer/use-quoted.ts'
import { ConversationHeader } from '../conversations/ConversationHeader.tsx'
import { useConversation } from '../conversations/use-conversation.ts'
import { MessageList, type MessageListProps } from '../messages/MessageList.tsx'
import { useFirstNew } from '../messages/use-start.ts'
import { ParticipantsPanel } from '../participants/ParticipantsPanel.tsx'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { copyText } from './copy.ts'
import { EmptyState, ErrorCard, Skeleton } from './States.tsx'
import { useReturnFocus } from './use-return-focus.ts'

export interface MessageThreadProps {
  readonly conversationId: string
  readonly panel?: 'people' | undefined
  readonly onPanel: (open: boolean) => void
  readonly onBack: () => void
}

/** The messages once those that one begins with are there, or why they are not. */
function Messages({ onReload, ...list }: MessageListProps & { readonly onReload: () => void }) {
  const { id } = list.conversation.conversation
  const ready = useSelect(
    ({ timelines }) => timelines[id]?.status === 'ready' || (timelines[id]?.items.length ?? 0) > 0,
  )
  const failure = useSelect((state) => state.timelines[id]?.error ?? null)
  const begins = useFirstNew(list.conversation, ready)
  if (begins) return <MessageList {...list} />
  if (!ready && failure) return <ErrorCard title={text('conversationFailed')} error={failure} onRetry={onReload} />
  return <Skeleton kind="message" count={6} />
}

function Loaded({
  conversationId,
  panel,
  onPanel,
  onBack,
  onLeft,
  reload,
}: MessageThreadProps & { readonly onLeft: () => void; readonly reload: () => void }) {
  const [quoted, setQuoted] = useQuoted(conversationId)
  const [editing, setEditing] = useState<string | null>(null)
  useReturnFocus()
  const conversation = useSelect((state) => state.conversations[conversationId])
  if (!conversation) return null
  return (
    <>
      <div className="parley-conversation">
        <ConversationHeader
          conversation={conversation}
          panelOpen={panel === 'people'}
          onBack={onBack}
          onPanel={onPanel}
          onLeft={onLeft}
        />
        <Messages
          conversation={conversation}
          editing={editing}
          onEdit={setEditing}
          onReply={setQuoted}
          onReload={reload}
        />
        <TypingIndicator conversationId={conversationId} />
        <MessageComposer conversation={conversation} quoted={quoted} onQuoted={setQuoted} onEditLast={setEditing} />
      </div>
      {panel === 'people' && <ParticipantsPanel conversation={conversation} onClose={() => onPanel(false)} />}
    </>
  )
}

interface UnsentProps {
  readonly label: 'draftPrefix' | 'notePrefix' | 'notSentPrefix'
  readonly words: string
  readonly onDiscard: () => void
}

/** A text that was written and reached nobody. */
function Unsent({ label, words, onDiscard }: UnsentProps) {
  if (words === '') return null
  return (
    <div className="parley-unsent">
      <p dir="auto">{text(label, { text: words })}</p>
      <button type="button" className="parley-button" onClick={() => void copyText(words)}>
        {text('copyText')}
      </button>
      <button type="button" className="parley-button" onClick={onDiscard}>
        {text('discard')}
      </button>
    </div>
  )
}

/** A conversation that one may not see, or not any more; what was being written there can be taken along. */
function NoAccess({ conversationId, onBack }: Pick<MessageThreadProps, 'conversationId' | 'onBack'>) {
  const { drafts, messages } = useClient()
  const reply = useSelect((state) => selectDraft(state, conversationId, 'everyone'))
  const note = useSelect((state) => selectDraft(state, conversationId, 'team'))
  const unsent = useSelect((state) => state.outbox[conversationId])
  const discardDraft = (audience: Audience) => drafts.set(conversationId, audience, '')
  return (
    <EmptyState title={text('noAccess')} action={text('toConversations')} onAction={onBack}>
      <Unsent label="draftPrefix" words={reply} onDiscard={() => discardDraft('everyone')} />
      <Unsent label="notePrefix" words={note} onDiscard={() => discardDraft('team')} />
      {unsent?.map(({ clientKey, text: words }) => (
        <Unsent
          key={clientKey}
          label="notSentPrefix"
          words={words}
          onDiscard={() => messages.discard(conversationId, clientKey)}
        />
      ))}
    </EmptyState>
  )
}

/** Leads back from a conversation that one has left, unless one has gone elsewhere meanwhile. */
function useLeft({ conversationId, onBack }: Pick<MessageThreadProps, 'conversationId' | 'onBack'>): () => void {
  const shown = useRef<string | null>(null)
  useEffect(() => {
    shown.current = conversationId
    return () => {
      shown.current = null
    }
  }, [conversationId])
  return () => {
    if (shown.current === conversationId) onBack()
  }
}

/** One conversation: header, messages, composer, and the people in it. */
export function MessageThread(props: MessageThreadProps) {
  const { conversation, failed, reload } = useConversation(props.conversationId)
  const onLeft = useLeft(props)
  if (conversation) return <Loaded key={props.conversationId} {...props} onLeft={onLeft} reload={reload} />
  const gone = failed !== null && 'code' in failed && failed.code === 'not_found'
  if (gone) return <NoAccess conversationId={props.conversationId} onBack={props.onBack} />
  if (failed) {
    return <ErrorCard title={text('conversationFailed')} error={failed} onRetry={reload} onBack={props.onBack} />
  }
  return <Skeleton kind="message" count={6} />
}
