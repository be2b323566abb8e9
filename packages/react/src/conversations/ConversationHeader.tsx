import type { ConversationSnapshot, ConversationStatus } from '@parley/protocol'
import { ArrowLeft, Briefcase, Ellipsis, Users } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { Confirm } from '../layout/Confirm.tsx'
import { IconButton } from '../layout/IconButton.tsx'
import { Menu, type MenuItem } from '../layout/Menu.tsx'
import { FailureNotice } from '../layout/States.tsx'
import { useAttempt } from '../layout/use-attempt.ts'
import type { TextKey } from '../messages.en.ts'
import { Faces } from '../people/Faces.tsx'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { AudienceTag } from './AudienceTag.tsx'
import { useCounterpart, usePresence, useTitle } from './use-conversation.ts'

const statuses: readonly (readonly [ConversationStatus, TextKey])[] = [
  ['open', 'statusOpen'],
  ['waiting', 'statusWaiting'],
  ['closed', 'statusClosed'],
  ['archived', 'statusArchived'],
]

export interface ConversationHeaderProps {
  readonly conversation: ConversationSnapshot
  readonly panelOpen: boolean
  readonly onBack: () => void
  readonly onPanel: (open: boolean) => void
  readonly onLeft: () => void
}

function ContextChip({ conversation }: Pick<ConversationHeaderProps, 'conversation'>) {
  const { context } = conversation.conversation
  if (!context) return null
  const body = (
    <>
      <Briefcase size={12} aria-hidden="true" />
      <span dir="auto">{context.title}</span>
    </>
  )
  if (context.url === null) return <span className="parley-context">{body}</span>
  return (
    <a className="parley-context" href={context.url} target="_blank" rel="noopener noreferrer">
      {body}
    </a>
  )
}

function useMenu({ conversation, onLeft }: ConversationHeaderProps) {
  const { conversations, participants } = useClient()
  const [leaving, setLeaving] = useState(false)
  const { attempt, ...refusal } = useAttempt()
  const me = useSelect((state) => state.session.me?.user)
  const { id, status: current } = conversation.conversation
  const changes: MenuItem[] = statuses.map(([status, name]) => ({
    label: `${text('status')}: ${text(name)}`,
    checked: status === current,
    onSelect: () => attempt(text('changeStatus'), conversations.update(id, { status })),
  }))
  const leave = () => {
    if (me) attempt(text('leave'), participants.remove(id, me.id).then(onLeft))
  }
  const items = [
    ...(me?.role === 'external' ? [] : changes),
    { label: text('leave'), onSelect: () => setLeaving(true), danger: true },
  ]
  return { items, leaving, leave, stay: () => setLeaving(false), refusal }
}

/** What a conversation is, who is in it, and what one may do with it. */
export function ConversationHeader(props: ConversationHeaderProps) {
  const { conversation, panelOpen, onBack, onPanel } = props
  const title = useTitle(conversation)
  const counterpart = useCounterpart(conversation)
  const presence = usePresence(counterpart?.id)
  const menu = useMenu(props)
  const { id, status } = conversation.conversation
  const heading = useRef<HTMLHeadingElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: arriving in another conversation counts
  useEffect(() => {
    if (window.matchMedia('(pointer: coarse)').matches) heading.current?.focus({ preventScroll: true })
  }, [id])
  const statusName = statuses.find(([each]) => each === status)?.[1] ?? 'statusOpen'
  return (
    <header className="parley-header">
      <IconButton label={text('back')} className="parley-back" onClick={onBack}>
        <ArrowLeft size={20} aria-hidden="true" />
      </IconButton>
      <Faces conversation={conversation} />
      <div className="parley-header-lines">
        <h1 ref={heading} tabIndex={-1} className="parley-header-title" dir="auto" title={title}>
          {title}
        </h1>
        <p className="parley-header-facts">
          <AudienceTag conversation={conversation} />
          <ContextChip conversation={conversation} />
          {status !== 'open' && (
            <span className="parley-tag" data-status={status}>
              {text(statusName)}
            </span>
          )}
          <span className="parley-header-people">
            {counterpart ? text(presence) : text('members', { count: conversation.participantCount })}
          </span>
        </p>
      </div>
      <IconButton
        label={text('showPeople')}
        title={text('showPeople')}
        aria-pressed={panelOpen}
        onClick={() => onPanel(!panelOpen)}
      >
        <Users size={20} aria-hidden="true" />
      </IconButton>
      <Menu label={text('moreActions')} items={menu.items}>
        <Ellipsis size={20} aria-hidden="true" />
      </Menu>
      <FailureNotice failure={menu.refusal.failure} onDismiss={menu.refusal.dismiss} />
      {menu.leaving && (
        <Confirm
          title={text('leaveQuestion')}
          explanation={text('leaveExplained')}
          action={text('leave')}
          onConfirm={menu.leave}
          onClose={menu.stay}
        />
      )}
    </header>
  )
}
