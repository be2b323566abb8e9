import { type ReactNode, useEffect, useState } from 'react'
import { focusComposer } from '../composer/focus-composer.ts'
import { ConnectionBanner } from '../connection/ConnectionBanner.tsx'
import { ConversationList } from '../conversations/ConversationList.tsx'
import { NewConversation } from '../conversations/NewConversation.tsx'
import { isView, type View } from '../conversations/use-conversations.ts'
import type { Location, Navigate } from '../location.ts'
import { text } from '../text.ts'
import { MessageThread } from './MessageThread.tsx'
import { EmptyState } from './States.tsx'

export interface MessagingLayoutProps {
  readonly location: Location
  readonly onNavigate: Navigate
  /** What stands before the list in the team's application. */
  readonly rail?: ReactNode
}

function Main({ location, onNavigate, view }: MessagingLayoutProps & { readonly view: View }) {
  const toInbox = () => onNavigate({ screen: 'inbox', ...(view === 'all' ? {} : { view }) }, { back: true })
  if (location.screen === 'new') {
    return (
      <NewConversation
        onCreated={(conversationId) => onNavigate({ screen: 'conversation', conversationId }, { replace: true })}
        onCancel={toInbox}
      />
    )
  }
  if (location.screen === 'inbox') {
    return (
      <main className="parley-main-empty">
        <EmptyState
          title={text('chooseConversation')}
          hint={text('chooseConversationHint')}
          action={text('newConversation')}
          onAction={() => onNavigate({ screen: 'new' })}
        />
      </main>
    )
  }
  const { conversationId, panel } = location
  return (
    <main className="parley-main">
      <MessageThread
        conversationId={conversationId}
        panel={panel}
        onBack={toInbox}
        onPanel={(open) =>
          open
            ? onNavigate({ screen: 'conversation', conversationId, panel: 'people' })
            : onNavigate({ screen: 'conversation', conversationId }, { back: true })
        }
      />
    </main>
  )
}

/** The filter of the list: what the inbox says, and while something else is open what was chosen last. */
function useView(location: Location): readonly [View, (view: View) => void] {
  const [chosen, choose] = useState<View>('all')
  const told = location.screen !== 'inbox' ? null : isView(location.view) ? location.view : 'all'
  useEffect(() => {
    if (told !== null) choose(told)
  }, [told])
  return [told ?? chosen, choose]
}

/** List, conversation and panel, laid out by the width of the container they stand in. */
export function MessagingLayout(props: MessagingLayoutProps) {
  const { location, onNavigate, rail } = props
  const [view, setView] = useView(location)
  const selectedId = location.screen === 'conversation' ? location.conversationId : undefined
  const open = (conversationId: string) => {
    if (conversationId === selectedId) focusComposer()
    else onNavigate({ screen: 'conversation', conversationId })
  }
  return (
    <div className="parley-frame">
      <div className="parley-layout" data-screen={location.screen}>
        {rail}
        <ConversationList
          view={view}
          selectedId={selectedId}
          onView={(next) => {
            setView(next)
            if (location.screen === 'inbox') onNavigate({ screen: 'inbox', view: next }, { replace: true })
          }}
          onOpen={open}
          onNew={() => onNavigate({ screen: 'new' })}
        />
        <Main {...props} view={view} />
        <ConnectionBanner />
      </div>
    </div>
  )
}
