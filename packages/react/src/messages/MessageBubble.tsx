import type { Message } from '@parley/protocol'
import { Lock } from 'lucide-react'
import { type FocusEvent, type KeyboardEvent, memo, type RefObject, useEffect, useRef, useState } from 'react'
import { dayName, fullTime, timeOfDay } from '../dates.ts'
import { Confirm } from '../layout/Confirm.tsx'
import { Avatar } from '../people/Avatar.tsx'
import { useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { useToday } from '../use-today.ts'
import { EnteredContext } from './entered.ts'
import type { Entry } from './entries.ts'
import { FailedNotice } from './FailedNotice.tsx'
import { MessageActions } from './MessageActions.tsx'
import { MessageEditor } from './MessageEditor.tsx'
import { MessageStatus } from './MessageStatus.tsx'
import { MessageText } from './MessageText.tsx'
import { QuoteCard } from './QuoteCard.tsx'
import { UnsavedEdit } from './UnsavedEdit.tsx'
import { type MessageControl, useMessageControl } from './use-message-actions.ts'

export interface MessageBubbleProps {
  readonly entry: Entry
  readonly conversationId: string
  readonly focusable: boolean
  readonly highlighted: boolean
  readonly editing: boolean
  readonly onEdit: (messageId: string | null) => void
  readonly onReply: (message: Message) => void
  readonly onJump: (seq: number) => void
}

function tombstone(message: Message): string {
  return text(message.deletedBy === message.senderId ? 'messageDeleted' : 'removedByModerator')
}

function Head({ entry, name }: { readonly entry: Entry; readonly name: string }) {
  const user = useSelect((state) => state.users[entry.senderId])
  const company = user?.role === 'external' ? user.organization?.name : undefined
  return (
    <header className="parley-message-head">
      <bdi className="parley-message-name">{name}</bdi>
      {company !== undefined && <span className="parley-message-company">{company}</span>}
      <time className="parley-message-time" dateTime={entry.at} title={fullTime(entry.at)}>
        {timeOfDay(entry.at)}
      </time>
    </header>
  )
}

function Body({
  entry,
  editing,
  control,
  onJump,
}: Pick<MessageBubbleProps, 'entry' | 'editing' | 'onJump'> & { readonly control: MessageControl }) {
  const { message, pending } = entry.row
  const unsaved = message && <UnsavedEdit message={message} onEdit={control.actions.edit} onDiscard={control.discard} />
  if (message && message.deletedAt !== null) {
    return (
      <>
        <p className="parley-tombstone">{tombstone(message)}</p>
        {unsaved}
      </>
    )
  }
  const quote = message?.quote ?? pending?.quote
  const words = message?.text ?? pending?.text ?? ''
  return (
    <>
      {entry.audience === 'team' && (
        <p className="parley-note-label">
          <Lock size={12} aria-hidden="true" /> {text('noteLabel')}
        </p>
      )}
      {quote && <QuoteCard quote={quote} onJump={onJump} />}
      {editing ? (
        <MessageEditor
          messageId={message?.id ?? ''}
          initial={words}
          onSave={control.save}
          onCancel={control.stop}
          onDelete={() => control.actions.remove?.()}
        />
      ) : (
        <MessageText source={words} />
      )}
      {message?.editedAt && <span className="parley-edited">{text('edited')}</span>}
      {pending?.status === 'failed' && <FailedNotice pending={pending} />}
      {control.failure !== null && <p className="parley-failed">{control.failure}</p>}
      {!editing && unsaved}
    </>
  )
}

/** Going into a message, to its controls, and back out to the whole of it. */
function useEntering(article: RefObject<HTMLElement | null>) {
  const [entered, setEntered] = useState(false)
  useEffect(() => {
    if (entered) article.current?.querySelector<HTMLElement>('a[href], button')?.focus()
  }, [entered, article])
  const leave = (event: KeyboardEvent) => {
    const inside = event.target !== article.current && article.current?.contains(event.target as Node)
    if (!inside) return
    setEntered(false)
    article.current?.focus()
    event.stopPropagation()
  }
  const onBlur = (event: FocusEvent) => {
    if (!article.current?.contains(event.relatedTarget)) setEntered(false)
  }
  const enter = (event: KeyboardEvent) => {
    event.preventDefault()
    setEntered(true)
  }
  return { entered, enter, leave, onBlur }
}

const keys: Readonly<Record<string, 'reply' | 'edit' | 'remove' | 'copy'>> = {
  r: 'reply',
  e: 'edit',
  Delete: 'remove',
  c: 'copy',
}

/** One message, note or message on its way. */
export const MessageBubble = memo(function MessageBubble(props: MessageBubbleProps) {
  const { entry, conversationId, focusable, highlighted, editing } = props
  const { message, pending, status } = entry.row
  const [reached, setReached] = useState(false)
  const article = useRef<HTMLElement>(null)
  const { entered, enter, leave, onBlur } = useEntering(article)
  const name = useSelect((state) => state.users[entry.senderId]?.name ?? text('formerMember'))
  const user = useSelect((state) => state.users[entry.senderId])
  const own = useSelect((state) => entry.senderId === state.session.me?.user.id)
  const control = useMessageControl(message, editing, props.onReply, props.onEdit)
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') leave(event)
    if (event.target !== article.current || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Enter') enter(event)
    const action = control.actions[keys[event.key] ?? 'reply']
    if (!Object.hasOwn(keys, event.key) || !action) return
    event.preventDefault()
    action()
  }
  const label = [
    name,
    entry.audience === 'team' && text('composerNote'),
    message?.deletedAt ? tombstone(message) : (message?.text ?? pending?.text),
    timeOfDay(entry.at),
    status === 'failed' && text('statusFailed'),
    status === 'queued' && text('statusQueued'),
  ]
  return (
    <EnteredContext.Provider value={entered}>
      <article
        ref={article}
        className="parley-message"
        data-testid="message"
        data-message-id={message?.id}
        data-client-id={message?.clientKey ?? pending?.clientKey}
        data-seq={entry.seq ?? undefined}
        data-status={status ?? undefined}
        data-kind={message?.kind ?? 'pending'}
        data-audience={entry.audience}
        data-own={own}
        data-edited={message?.editedAt !== null && message !== null}
        data-deleted={message?.deletedAt !== null && message !== null}
        data-group={entry.startsGroup ? 'first' : 'follow'}
        data-highlighted={highlighted}
        aria-label={label.filter(Boolean).join(', ')}
        tabIndex={focusable ? 0 : -1}
        onKeyDown={onKeyDown}
        onPointerEnter={() => setReached(true)}
        onFocus={() => setReached(true)}
        onBlur={onBlur}
      >
        <div className="parley-message-gutter">
          {entry.startsGroup ? (
            <Avatar user={user} />
          ) : (
            <time className="parley-message-time" dateTime={entry.at} title={fullTime(entry.at)}>
              {timeOfDay(entry.at)}
            </time>
          )}
        </div>
        <div className="parley-message-body">
          {entry.startsGroup && <Head entry={entry} name={name} />}
          <Body entry={entry} editing={editing} control={control} onJump={props.onJump} />
        </div>
        <div className="parley-message-lane">
          {entry.showsStatus && <MessageStatus row={entry.row} conversationId={conversationId} />}
        </div>
        {message && reached && (
          <MessageActions label={text('actionsFor', { name, time: timeOfDay(entry.at) })} actions={control.actions} />
        )}
        {control.confirming && (
          <Confirm
            title={text('deleteQuestion')}
            explanation={text('deleteExplained')}
            action={text('delete')}
            onConfirm={control.remove}
            onClose={control.keep}
            {...(editing ? {} : { returnTo: article })}
          />
        )}
      </article>
    </EnteredContext.Provider>
  )
})

/** The day a message begins, above it. */
export function DayDivider({ at }: { readonly at: string }) {
  return (
    <h3 className="parley-day" data-testid="day-divider">
      <span>{dayName(at, useToday())}</span>
    </h3>
  )
}
