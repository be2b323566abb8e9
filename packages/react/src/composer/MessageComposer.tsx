import type { Audience, ConversationSnapshot, Message } from '@parley/protocol'
import { Lock, SendHorizontal, X } from 'lucide-react'
import { type KeyboardEvent, useEffect, useRef } from 'react'
import { announce } from '../announcer/announce.ts'
import { useOtherSide, useTitle } from '../conversations/use-conversation.ts'
import { IconButton } from '../layout/IconButton.tsx'
import { useAttempt } from '../layout/use-attempt.ts'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { type Composer, textLimit, useComposer } from './use-composer.ts'

const counterFrom = 0.8
const warningFrom = 0.95

export interface MessageComposerProps {
  readonly conversation: ConversationSnapshot
  readonly quoted: Message | null
  readonly onQuoted: (message: Message | null) => void
  /** Asked for with the up arrow in an empty field. */
  readonly onEditLast: (messageId: string) => void
}

function Modes({ audience, setAudience, locked }: Composer) {
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
    const tabs = [...event.currentTarget.querySelectorAll('button')]
    tabs.find((tab) => tab !== document.activeElement)?.focus()
  }
  const tab = (mode: Audience, label: string) => (
    <button
      type="button"
      role="tab"
      className="parley-mode"
      data-mode={mode}
      aria-selected={audience === mode}
      aria-disabled={locked && audience !== mode}
      tabIndex={audience === mode ? 0 : -1}
      onClick={() => setAudience(mode)}
    >
      {mode === 'team' && <Lock size={12} aria-hidden="true" />}
      {label}
    </button>
  )
  return (
    <div className="parley-modes" role="tablist" aria-label={text('composerModes')} onKeyDown={onKeyDown}>
      {tab('everyone', text('composerReply'))}
      {tab('team', text('composerNote'))}
    </div>
  )
}

const levels = ['none', 'near', 'warning', 'over'] as const

function levelOf({ words, tooLong }: Composer): (typeof levels)[number] {
  if (tooLong > 0) return 'over'
  if (words.length >= textLimit * warningFrom) return 'warning'
  return words.length >= textLimit * counterFrom ? 'near' : 'none'
}

/** How much is written, once little is left; announced when it becomes less by a level. */
function Counter(composer: Composer) {
  const { words, tooLong } = composer
  const level = levelOf(composer)
  const before = useRef<typeof level>('none')
  const sentence =
    tooLong > 0 ? text('tooLong', { count: tooLong }) : text('counter', { count: words.length, limit: textLimit })
  // biome-ignore lint/correctness/useExhaustiveDependencies: not each character is announced
  useEffect(() => {
    if (levels.indexOf(level) > levels.indexOf(before.current)) announce(sentence)
    before.current = level
  }, [level])
  if (level === 'none') return null
  return (
    <span className="parley-counter" data-level={level}>
      {sentence}
    </span>
  )
}

function QuoteBar({ quoted, onClear }: { readonly quoted: Message; readonly onClear: () => void }) {
  const name = useSelect((state) => state.users[quoted.senderId]?.name ?? text('formerMember'))
  return (
    <div className="parley-quote-bar">
      <span className="parley-quote-name">{text('quoting', { name })}</span>
      <span className="parley-quote-text" dir="auto">
        {quoted.text}
      </span>
      {quoted.audience === 'team' && <span className="parley-quote-lock">{text('quotesNote')}</span>}
      <IconButton label={text('cancelReply')} onClick={onClear}>
        <X size={16} aria-hidden="true" />
      </IconButton>
    </div>
  )
}

function Archived({ conversation }: { readonly conversation: ConversationSnapshot }) {
  const { conversations } = useClient()
  const { id } = conversation.conversation
  const mayReopen = useSelect((state) => state.session.me?.user.role !== 'external')
  const { failure, attempt } = useAttempt()
  return (
    <div className="parley-composer-closed">
      <span>{text('archivedComposer')}</span>
      {mayReopen && (
        <button
          type="button"
          className="parley-button"
          onClick={() => attempt(text('reopen'), conversations.update(id, { status: 'open' }))}
        >
          {text('reopen')}
        </button>
      )}
      {failure !== null && <p className="parley-failed">{failure}</p>}
    </div>
  )
}

interface Labels {
  readonly field: string
  readonly placeholder: string
  readonly button: string
}

function labelsFor(composer: Composer, side: string, title: string, external: boolean): Labels {
  if (composer.audience === 'team') {
    return { field: text('labelNote'), placeholder: text('placeholderNote'), button: text('addNote') }
  }
  const name = external ? side : title
  return {
    field: text('labelReply', { name }),
    placeholder: text(composer.hasModes ? 'placeholderReply' : 'placeholderMessage', { name }),
    button: external ? text('sendTo', { name: side }) : text('send'),
  }
}

/** Where one writes. Its look and every label say who will see it. */
export function MessageComposer({ conversation, quoted, onQuoted, onEditLast }: MessageComposerProps) {
  const composer = useComposer(conversation, quoted, () => onQuoted(null))
  const field = useRef<HTMLTextAreaElement>(null)
  const side = useOtherSide(conversation)
  const title = useTitle(conversation)
  const { id, status, kind } = conversation.conversation
  // biome-ignore lint/correctness/useExhaustiveDependencies: arriving in a conversation or quoting brings the caret here
  useEffect(() => {
    if (!window.matchMedia('(pointer: coarse)').matches) field.current?.focus({ preventScroll: true })
  }, [id, quoted?.id])
  const closed = status === 'archived'
  useEffect(() => {
    const isLost = !closed && document.activeElement === document.body
    if (isLost && !window.matchMedia('(pointer: coarse)').matches) field.current?.focus({ preventScroll: true })
  }, [closed])
  if (closed) return <Archived conversation={conversation} />
  const labels = labelsFor(composer, side, title, kind === 'external')
  const { words, audience, hasModes, canSend } = composer
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key === 'Escape' && quoted && !composer.isComposing(event)) onQuoted(null)
    const last = event.key === 'ArrowUp' && words === '' ? composer.lastEditable() : undefined
    if (last) {
      event.preventDefault()
      onEditLast(last.id)
    }
    composer.onKeyDown(event)
  }
  return (
    <form
      className="parley-composer"
      data-testid="composer"
      data-mode={audience === 'team' ? 'note' : 'reply'}
      data-audience={audience}
      data-draft={words === '' ? 'empty' : 'saved'}
      onSubmit={(event) => {
        event.preventDefault()
        composer.send()
        field.current?.focus()
      }}
    >
      {hasModes && <Modes {...composer} />}
      <div className="parley-composer-box">
        {quoted && <QuoteBar quoted={quoted} onClear={() => onQuoted(null)} />}
        <textarea
          ref={field}
          className="parley-composer-field"
          data-testid="message-input"
          aria-label={labels.field}
          placeholder={labels.placeholder}
          value={words}
          rows={1}
          dir="auto"
          enterKeyHint="send"
          spellCheck
          onChange={(event) => composer.setWords(event.target.value)}
          onKeyDown={onKeyDown}
          onCompositionEnd={composer.onCompositionEnd}
        />
        <div className="parley-composer-bar">
          <Counter {...composer} />
          <button
            type="submit"
            className="parley-button parley-button-primary parley-send"
            data-testid="send-button"
            disabled={!canSend}
          >
            {audience === 'team' ? (
              <Lock size={16} aria-hidden="true" />
            ) : (
              <SendHorizontal size={16} aria-hidden="true" />
            )}
            <span>{labels.button}</span>
          </button>
        </div>
      </div>
    </form>
  )
}
