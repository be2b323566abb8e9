import { selectUnreadTotal } from '@parley/client'
import {
  EmptyState,
  isView,
  type Location,
  MessagingLayout,
  MessagingProvider,
  type Navigate,
  SignedIn,
  SignInLink,
  text,
  useSelect,
} from '@parley/react'
import { useCallback, useEffect } from 'react'
import { BrowserRouter, Navigate as Redirect, Route, Routes, useLocation, useNavigate, useParams } from 'react-router'
import { pathOf } from './locations.ts'
import { Rail } from './Rail.tsx'
import { useTheme } from './theme.ts'

interface ScreenProps {
  readonly screen: Location['screen']
  readonly theme: ReturnType<typeof useTheme>
}

function useMessagingLocation(screen: Location['screen']): Location {
  const { view, conversationId = '', panel } = useParams()
  if (screen === 'new') return { screen }
  if (screen === 'inbox') return { screen, ...(isView(view) ? { view } : {}) }
  return { screen, conversationId, ...(panel === 'people' ? { panel } : {}) }
}

function useDocumentTitle(): void {
  const unread = useSelect(selectUnreadTotal)
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Messages` : 'Messages'
  }, [unread])
}

/** Each step of the history knows where it was made from, so that a way back can be that of the browser. */
function useGoing(): Navigate {
  const { pathname, state } = useLocation()
  const navigate = useNavigate()
  return useCallback(
    (next, { replace = false, back = false } = {}) => {
      const path = pathOf(next)
      if (back && state?.from === path) return void navigate(-1)
      const stays = replace || back
      void navigate(path, { replace: stays, state: stays ? state : { from: pathname } })
    },
    [navigate, pathname, state],
  )
}

function Screen({ screen, theme: [theme, setTheme] }: ScreenProps) {
  const location = useMessagingLocation(screen)
  const go = useGoing()
  useDocumentTitle()
  return (
    <SignedIn>
      <MessagingLayout
        location={location}
        onNavigate={go}
        rail={<Rail theme={theme} onTheme={setTheme} onInbox={() => go({ screen: 'inbox' })} />}
      />
    </SignedIn>
  )
}

/** The token stands behind the `#`, which browsers never send to a server. */
function Link() {
  const { hash } = useLocation()
  const navigate = useNavigate()
  const enter = useCallback(() => void navigate('/inbox', { replace: true }), [navigate])
  return <SignInLink token={hash.slice(1)} onSignedIn={enter} />
}

function NotFound() {
  const navigate = useNavigate()
  return (
    <main className="parley-main-empty parley-page">
      <EmptyState title={text('notFound')} action={text('toConversations')} onAction={() => void navigate('/inbox')} />
    </main>
  )
}

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce

/** The application: routes around the messaging. */
export function App() {
  const theme = useTheme()
  return (
    <MessagingProvider theme={theme[0]} nonce={nonce}>
      <BrowserRouter>
        <Routes>
          <Route path="/" element={<Redirect to="/inbox" replace />} />
          <Route path="/sign-in" element={<Redirect to="/inbox" replace />} />
          <Route path="/link" element={<Link />} />
          <Route path="/inbox/:view?" element={<Screen screen="inbox" theme={theme} />} />
          <Route path="/c/:conversationId" element={<Screen screen="conversation" theme={theme} />} />
          <Route path="/c/:conversationId/panel/:panel" element={<Screen screen="conversation" theme={theme} />} />
          <Route path="/new" element={<Screen screen="new" theme={theme} />} />
          <Route path="*" element={<NotFound />} />
        </Routes>
      </BrowserRouter>
    </MessagingProvider>
  )
}
