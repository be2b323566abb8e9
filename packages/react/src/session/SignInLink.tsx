import { useEffect, useRef, useState } from 'react'
import { useClient } from '../provider.tsx'
import { text } from '../text.ts'
import { SignIn } from './SignIn.tsx'

/** Where a one-time link lands: starts the session, or says why it cannot. */
export function SignInLink({ token, onSignedIn }: { readonly token: string; readonly onSignedIn: () => void }) {
  const { session } = useClient()
  const [failed, setFailed] = useState(false)
  const begun = useRef(false)
  useEffect(() => {
    if (begun.current) return
    begun.current = true
    session.signInWithLink(token).then(onSignedIn, () => setFailed(true))
  }, [session, token, onSignedIn])
  if (failed) return <SignIn notice={`${text('linkUsed')}. ${text('linkUsedHint')}`} />
  return (
    <main className="parley-page parley-sign-in">
      <p role="status">{text('signingIn')}</p>
    </main>
  )
}
