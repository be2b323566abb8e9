import { type Row, selectRows } from '@parley/client'
import type { ConversationSnapshot, Message } from '@parley/protocol'
import { ChevronDown } from 'lucide-react'
import {
  type FocusEvent,
  type KeyboardEvent,
  type RefObject,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { Virtualizer } from 'virtua'
import { announce } from '../announcer/announce.ts'
import { focusComposer } from '../composer/focus-composer.ts'
import { useTitle } from '../conversations/use-conversation.ts'
import { dayName } from '../dates.ts'
import { FailureNotice, RetryLine } from '../layout/States.tsx'
import { useAttempt } from '../layout/use-attempt.ts'
import { useReturnFocus } from '../layout/use-return-focus.ts'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { useToday } from '../use-today.ts'
import { type Entry, layOut } from './entries.ts'
import { useAnnouncedFailures } from './FailedNotice.tsx'
import { MessageBoundary } from './MessageBoundary.tsx'
import { DayDivider, MessageBubble } from './MessageBubble.tsx'
import { useReading } from './reading.ts'
import { SystemRow } from './SystemRow.tsx'
import { type Anchor, useAnchor } from './use-anchor.ts'
import { useAnnouncedArrivals, useOlderAnnounced } from './use-announced.ts'

const bufferSize = 600

export interface MessageListProps {
  readonly conversation: ConversationSnapshot
  /** The message that is being changed. */
  readonly editing: string | null
  readonly onEdit: (messageId: string | null) => void
  readonly onReply: (message: Message) => void
}

interface Entries {
  readonly entries: Entry[]
  readonly ownId: string
  /** How many messages were new when the conversation was opened. */
  readonly newCount: number
}

function useEntries(conversation: ConversationSnapshot): Entries {
  const { id } = conversation.conversation
  const rows: readonly Row[] = useSelect((state) => selectRows(state, id))
  const ownId = useSelect((state) => state.session.me?.user.id ?? '')
  const [newAfter] = useState(() => {
    const own = conversation.participants.find(({ userId }) => userId === ownId)
    return own && conversation.unread > 0 ? own.readSeq : null
  })
  const [newCount] = useState(conversation.unread)
  const hasBefore = useSelect((state) => state.timelines[id]?.hasBefore ?? false)
  const reachesMark = !hasBefore || (rows[0]?.message?.seq ?? Infinity) <= (newAfter ?? 0)
  const dividedAfter = reachesMark ? newAfter : null
  const before = useRef<Entry[]>([])
  const entries = useMemo(() => layOut(rows, ownId, dividedAfter, before.current), [rows, ownId, dividedAfter])
  before.current = entries
  return { entries, ownId, newCount }
}

function StartCard({ conversation }: { readonly conversation: ConversationSnapshot }) {
  const title = useTitle(conversation)
  const { createdBy, createdAt } = conversation.conversation
  const name = useSelect((state) => state.users[createdBy]?.name ?? text('formerMember'))
  return (
    <div className="parley-start">
      <p className="parley-start-title">{text('startOfHistory', { title })}</p>
      <p>{text('startedBy', { name, date: dayName(createdAt, useToday()) })}</p>
    </div>
  )
}

function NewDivider({ count }: { readonly count: number }) {
  return (
    <div className="parley-new" data-testid="new-divider">
      <span aria-hidden="true">{text('newLabel')}</span>
      <span className="parley-hidden">{text('newMessagesHere', { count })}</span>
    </div>
  )
}

function entryAt(target: EventTarget, entries: readonly Entry[]): Entry | undefined {
  const { clientId, messageId } = (target as HTMLElement).dataset
  return entries.find(({ key }) => key === clientId || key === messageId)
}

/** Where a key leads from a message: to another one, past the last one, or nowhere. */
function moveTo(event: KeyboardEvent<HTMLElement>, entries: readonly Entry[]): Entry | 'past' | null {
  const from = entryAt(event.target, entries)
  if (!from) return null
  const messages = entries.filter(({ system }) => !system)
  const at = messages.indexOf(from)
  const target = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: messages.length - 1 }[event.key]
  return target === undefined ? null : (messages[Math.max(0, target)] ?? 'past')
}

function focusRow(scroller: RefObject<HTMLElement | null>, key: string): void {
  requestAnimationFrame(() => {
    const selector = `[data-client-id="${CSS.escape(key)}"], [data-message-id="${CSS.escape(key)}"]`
    scroller.current?.querySelector<HTMLElement>(selector)?.focus({ preventScroll: true })
  })
}

/** Whoever gets there by keyboard goes on in the composer: the button is gone then. */
function JumpLatest({ count, onJump }: { readonly count: number; readonly onJump: () => void }) {
  const label = count > 0 ? text('jumpLatestCount', { count }) : text('jumpLatest')
  return (
    <button
      type="button"
      className="parley-jump"
      data-testid="jump-latest"
      data-count={count}
      aria-label={label}
      title={label}
      onClick={(event) => {
        onJump()
        if (event.detail === 0) focusComposer()
      }}
    >
      {count > 0 && <span className="parley-badge">{count}</span>}
      <ChevronDown size={20} aria-hidden="true" />
    </button>
  )
}

/**
 * The message Tab leads to while none had the focus: the last one, or the one that was last when the reader left the end. It is mounted and
 * measured far from what is read, so it had better stay the same one: just after older messages came the virtualizer holds on to the end.
 */
function useTabStop(entries: readonly Entry[], atEnd: boolean): string | undefined {
  const stop = useRef<string | undefined>(undefined)
  const stays = !atEnd && entries.some(({ key }) => key === stop.current)
  if (!stays) stop.current = entries.findLast(({ system }) => !system)?.key
  return stop.current
}

/** The rows that stay mounted however far one scrolls: the one Tab leads to, and the one being edited, which is also brought into view. */
function useKept(
  shown: readonly Entry[],
  focusable: string | undefined,
  editing: string | null,
  show: (index: number) => void,
): number[] {
  const focused = shown.findIndex(({ key }) => key === focusable)
  const edited = editing === null ? -1 : shown.findIndex(({ row }) => row.message?.id === editing)
  const isThere = edited >= 0
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is brought into view once, wherever it stands later
  useEffect(() => {
    if (isThere) show(edited)
  }, [editing, isThere, show])
  return [...new Set([focused, edited])].filter((index) => index >= 0).sort((a, b) => a - b)
}

/** Says that there are more messages, which could not be loaded, over the end they belong to. */
function Stuck({ end, onRetry }: { readonly end: keyof Anchor['stuck']; readonly onRetry: () => void }) {
  const sentence = text(end === 'before' ? 'olderFailed' : 'newerFailed')
  useReturnFocus()
  useEffect(() => announce(sentence), [sentence])
  return (
    <div className="parley-notice" data-end={end}>
      <RetryLine sentence={sentence} onRetry={onRetry} />
    </div>
  )
}

const framesToAppear = 20

/** Gives the focus to the message at a position, once it is mounted. */
function focusSeq(scroller: RefObject<HTMLElement | null>, seq: number, frames = framesToAppear): void {
  const row = scroller.current?.querySelector<HTMLElement>(`[data-seq="${seq}"]`)
  if (row) row.focus({ preventScroll: true })
  else if (frames > 0) requestAnimationFrame(() => focusSeq(scroller, seq, frames - 1))
}

/** Ways to go to another message; one that cannot be loaded leaves the reader where he is, and says so. */
function useJumps(
  conversationId: string,
  scroller: RefObject<HTMLElement | null>,
  { reveal, toLatest }: Pick<Anchor, 'reveal' | 'toLatest'>,
) {
  const { messages } = useClient()
  const [highlight, setHighlight] = useState<number | null>(null)
  const { failure, attempt, dismiss } = useAttempt()
  const toQuoted = useCallback(
    (seq: number) => {
      setHighlight(seq)
      attempt(
        text('jumpToQuote'),
        messages.loadAround(conversationId, seq).then(() => {
          reveal(seq)
          focusSeq(scroller, seq)
        }),
      )
    },
    [messages, conversationId, scroller, reveal, attempt],
  )
  return { highlight, toQuoted, toLatest: () => attempt(text('jumpLatest'), toLatest()), failure, dismiss }
}

/** The messages of a conversation: they never move under the reader, and follow when the reader is at the end. */
export function MessageList({ conversation, editing, onEdit, onReply }: MessageListProps) {
  const { id } = conversation.conversation
  const timeline = useSelect((state) => state.timelines[id])
  const title = useTitle(conversation)
  const { entries, ownId, newCount } = useEntries(conversation)
  const scroller = useRef<HTMLDivElement>(null)
  const [focusKey, setFocusKey] = useState<string | null>(null)
  const anchor = useAnchor({ conversationId: id, entries, timeline, scroller, ownId, head: conversation.seq })
  const readSeq = conversation.participants.find(({ userId }) => userId === ownId)?.readSeq ?? 0
  useReading(scroller, id, timeline?.items.at(-1)?.seq ?? 0, readSeq)
  useAnnouncedArrivals(entries, ownId, conversation.seq)
  useOlderAnnounced(timeline?.loadingBefore ?? false, entries)
  useAnnouncedFailures(id)
  const jumps = useJumps(id, scroller, anchor)
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const target = moveTo(event, anchor.shown)
    if (target === null) return
    event.preventDefault()
    if (target === 'past') return focusComposer()
    setFocusKey(target.key)
    anchor.show(anchor.shown.indexOf(target))
    focusRow(scroller, target.key)
  }
  const onFocus = (event: FocusEvent<HTMLElement>) => {
    const entry = entryAt(event.target, entries)
    if (entry) setFocusKey(entry.key)
  }
  const tabStop = useTabStop(entries, anchor.mode === 'bottom')
  const isThere = entries.some(({ key }) => key === focusKey)
  const focusable = isThere && focusKey !== null ? focusKey : tabStop
  const keepMounted = useKept(anchor.shown, focusable, editing, anchor.show)
  return (
    <section
      className="parley-messages"
      aria-label={text('messagesIn', { title })}
      aria-busy={timeline?.loadingBefore || timeline?.loadingAfter}
    >
      <h2 className="parley-hidden">{text('messagesHeading')}</h2>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it hears what bubbles up from the messages */}
      <div
        ref={scroller}
        className="parley-scroller"
        data-testid="message-list"
        data-anchor={anchor.mode}
        data-at-latest={anchor.mode === 'bottom'}
        onKeyDown={onKeyDown}
        onFocus={onFocus}
      >
        <div className="parley-spacer" />
        <Virtualizer
          ref={anchor.handle}
          scrollRef={scroller}
          shift={anchor.shift}
          bufferSize={bufferSize}
          keepMounted={keepMounted}
          onScroll={anchor.onScroll}
          data={anchor.shown}
        >
          {(entry: Entry, index: number) => (
            <div key={entry.key} className="parley-entry" data-first={entry.startsGroup}>
              {index === 0 && !timeline?.hasBefore && timeline?.status === 'ready' && (
                <StartCard conversation={conversation} />
              )}
              {entry.startsDay && <DayDivider at={entry.at} />}
              {entry.isFirstNew && <NewDivider count={newCount} />}
              <MessageBoundary>
                {entry.system && entry.row.message ? (
                  <SystemRow message={entry.row.message} />
                ) : (
                  <MessageBubble
                    entry={entry}
                    conversationId={id}
                    focusable={entry.key === focusable}
                    highlighted={jumps.highlight !== null && entry.seq === jumps.highlight}
                    editing={editing !== null && entry.row.message?.id === editing}
                    onEdit={onEdit}
                    onReply={onReply}
                    onJump={jumps.toQuoted}
                  />
                )}
              </MessageBoundary>
            </div>
          )}
        </Virtualizer>
      </div>
      {anchor.stuck.before && <Stuck end="before" onRetry={anchor.retry} />}
      {anchor.stuck.after && <Stuck end="after" onRetry={anchor.retry} />}
      <FailureNotice failure={jumps.failure} onDismiss={jumps.dismiss} />
      {anchor.away && <JumpLatest count={anchor.below} onJump={jumps.toLatest} />}
    </section>
  )
}
