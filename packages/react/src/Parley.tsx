import { type ReactNode, useState } from 'react'
import { ConnectionBanner } from './connection/ConnectionBanner.tsx'
import { MessagingLayout } from './layout/MessagingLayout.tsx'
import { Skeleton } from './layout/States.tsx'
import type { Location } from './location.ts'
import { MessagingProvider, type MessagingProviderProps, useClient, useSelect } from './provider.tsx'
import { NotSignedIn } from './session/NotSignedIn.tsx'
import { SignIn } from './session/SignIn.tsx'
import { text } from './text.ts'

/** While it is not known who is here; should that take long, why. */
function Arriving() {
  return (
    <div className="parley-arriving">
      <ConnectionBanner />
      <Skeleton kind="row" count={8} />
    </div>
  )
}

/** What stands in for its children until somebody is signed in. */
export function SignedIn({ children }: { readonly children: ReactNode }) {
  const { session } = useClient()
  const status = useSelect((state) => state.session.status)
  if (status === 'signed-in') return children
  if (status === 'unknown') return <Arriving />
  if (session.ofHost) return <NotSignedIn />
  return <SignIn notice={status === 'expired' ? `${text('sessionEnded')}. ${text('sessionEndedHint')}` : ''} />
}

function Inside() {
  const [location, setLocation] = useState<Location>({ screen: 'inbox' })
  return (
    <SignedIn>
      <MessagingLayout location={location} onNavigate={setLocation} />
    </SignedIn>
  )
}

/** The whole of messaging in one component: give it a server and a way to get the user's token. */
export function Parley(props: Omit<MessagingProviderProps, 'children'>) {
  return (
    <MessagingProvider {...props}>
      <Inside />
    </MessagingProvider>
  )
}
