import { type ListFilter, listKey } from '@parley/client'
import { MessageSquarePlus, Search } from 'lucide-react'
import { type KeyboardEvent, useRef, useState } from 'react'
import { IconButton } from '../layout/IconButton.tsx'
import { isNearEnd } from '../layout/near-end.ts'
import { EmptyState, ErrorCard, RetryLine, Skeleton } from '../layout/States.tsx'
import { useKeptFocus } from '../layout/use-kept-focus.ts'
import type { TextKey } from '../messages.en.ts'
import { useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { ConversationRow } from './ConversationRow.tsx'
import { useConversations, type View, views } from './use-conversations.ts'
import { useFrozenOrder } from './use-frozen-order.ts'

const viewNames: Record<View, TextKey> = {
  all: 'filterAll',
  unread: 'filterUnread',
  internal: 'filterInternal',
  external: 'filterExternal',
  archived: 'filterArchived',
}

export interface ConversationListProps {
  readonly view: View
  readonly selectedId?: string | undefined
  readonly onView: (view: View) => void
  readonly onOpen: (conversationId: string) => void
  readonly onNew: () => void
}

function Filters({ view, onView }: Pick<ConversationListProps, 'view' | 'onView'>) {
  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (step === undefined) return
    const names = Object.keys(views) as View[]
    const next = names[(names.indexOf(view) + step + names.length) % names.length] ?? 'all'
    event.preventDefault()
    onView(next)
    event.currentTarget.querySelector<HTMLButtonElement>(`[data-view="${next}"]`)?.focus()
  }
  return (
    <div className="parley-filters" role="radiogroup" aria-label={text('filters')} onKeyDown={move}>
      {(Object.keys(views) as View[]).map((name) => (
        // biome-ignore lint/a11y/useSemanticElements: chips that look and behave as one control
        <button
          key={name}
          type="button"
          role="radio"
          className="parley-chip"
          data-view={name}
          aria-checked={name === view}
          tabIndex={name === view ? 0 : -1}
          onClick={() => onView(name)}
        >
          {text(viewNames[name])}
        </button>
      ))}
    </div>
  )
}

function Empty({
  view,
  filtered,
  onClear,
  onNew,
}: {
  readonly view: View
  readonly filtered: boolean
  readonly onClear: () => void
  readonly onNew: () => void
}) {
  if (filtered) return <EmptyState title={text('emptyFiltered')} action={text('clearFilters')} onAction={onClear} />
  if (view === 'unread') return <EmptyState title={text('emptyUnread')} />
  if (view === 'archived') return <EmptyState title={text('emptyArchived')} />
  return (
    <EmptyState
      title={text('emptyAll')}
      hint={text('emptyAllHint')}
      action={text('newConversation')}
      onAction={onNew}
    />
  )
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const rows = [...event.currentTarget.querySelectorAll<HTMLButtonElement>('[data-testid="conversation-row"]')]
  const at = rows.indexOf(document.activeElement as HTMLButtonElement)
  const target = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, Home: 0, End: rows.length - 1 }[event.key]
  if (target === undefined || at < 0) return
  event.preventDefault()
  rows[Math.max(0, Math.min(rows.length - 1, target))]?.focus()
}

function Rows({
  filter,
  ...props
}: ConversationListProps & { readonly filter: ListFilter; readonly onClear: () => void }) {
  const { ids, status, error, reload, loadMore, retry } = useConversations(filter)
  const conversations = useSelect((state) => state.conversations)
  const { shown, updates, hold, apply } = useFrozenOrder(ids, listKey(filter))
  if (ids.length === 0) {
    if (status === 'loading') return <Skeleton kind="row" count={8} />
    if (status === 'error') return <ErrorCard title={text('listFailed')} error={error} onRetry={reload} />
    return <Empty view={props.view} filtered={filter.q !== undefined} onClear={props.onClear} onNew={props.onNew} />
  }
  const focusable = props.selectedId !== undefined && ids.includes(props.selectedId) ? props.selectedId : shown[0]
  return (
    <div
      className="parley-rows-frame"
      onPointerMove={({ pointerType }) => pointerType === 'mouse' && filter.q === undefined && hold('pointer')}
      onPointerLeave={apply}
    >
      {updates > 0 && (
        <button type="button" className="parley-updates" data-testid="list-updates" onClick={apply}>
          {text('listUpdates', { count: updates })}
        </button>
      )}
      <ul
        className="parley-rows"
        onScroll={(event) => status === 'ready' && isNearEnd(event.currentTarget) && loadMore()}
        onKeyDown={(event) => {
          hold('key')
          moveFocus(event)
        }}
      >
        {shown.map((id) => {
          const conversation = conversations[id]
          return (
            conversation && (
              <ConversationRow
                key={id}
                conversation={conversation}
                selected={id === props.selectedId}
                focusable={id === focusable}
                onOpen={props.onOpen}
              />
            )
          )
        })}
        {status === 'error' && (
          <li>
            <RetryLine sentence={text('listIncomplete')} onRetry={retry} />
          </li>
        )}
      </ul>
    </div>
  )
}

/** The conversations of the one signed in: search, filters, rows by latest activity. */
export function ConversationList(props: ConversationListProps) {
  const [query, setQuery] = useState('')
  const field = useRef<HTMLInputElement>(null)
  const list = useRef<HTMLElement>(null)
  const heading = useRef<HTMLHeadingElement>(null)
  useKeptFocus(list, heading)
  const q = query.trim()
  const filter: ListFilter = q === '' ? views[props.view] : { ...views[props.view], q }
  const clear = () => {
    setQuery('')
    props.onView('all')
    field.current?.focus()
  }
  return (
    <nav ref={list} className="parley-list" aria-label={text('conversations')} data-testid="conversation-list">
      <div className="parley-list-head">
        <h2 ref={heading} tabIndex={-1} className="parley-list-title">
          {text('conversations')}
        </h2>
        <IconButton label={text('newConversation')} onClick={props.onNew}>
          <MessageSquarePlus size={20} aria-hidden="true" />
        </IconButton>
      </div>
      <label className="parley-search">
        <Search size={16} aria-hidden="true" />
        <span className="parley-hidden">{text('searchConversations')}</span>
        <input
          ref={field}
          type="search"
          value={query}
          placeholder={text('searchConversations')}
          onChange={(event) => setQuery(event.target.value)}
        />
      </label>
      <Filters view={props.view} onView={props.onView} />
      <Rows {...props} filter={filter} onClear={clear} />
    </nav>
  )
}
