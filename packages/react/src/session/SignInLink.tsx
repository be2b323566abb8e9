import { useCallback, useEffect, useRef, useState } from 'react'
import { ErrorCard } from '../layout/States.tsx'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { SignIn } from './SignIn.tsx'

/** Where a one-time link lands: starts the session, or says why it cannot. Who gets in another way meanwhile goes on as well. */
export function SignInLink({ token, onSignedIn }: { readonly token: string; readonly onSignedIn: () => void }) {
  const { session } = useClient()
  const signedIn = useSelect((state) => state.session.status === 'signed-in')
  const [failure, setFailure] = useState<Error | null>(null)
  const begun = useRef(false)
  const enter = useCallback(() => {
    setFailure(null)
    session.signInWithLink(token).then(onSignedIn, setFailure)
  }, [session, token, onSignedIn])
  useEffect(() => {
    if (begun.current) return
    begun.current = true
    enter()
  }, [enter])
  useEffect(() => {
    if (failure && signedIn) onSignedIn()
  }, [failure, signedIn, onSignedIn])
  if (failure && 'code' in failure && failure.code === 'link_used') {
    return <SignIn notice={`${text('linkUsed')}. ${text('linkUsedHint')}`} />
  }
  return (
    <main className="parley-page parley-sign-in">
      {failure ? (
        <ErrorCard title={text('linkFailed')} error={failure} onRetry={enter} />
      ) : (
        <p role="status">{text('signingIn')}</p>
      )}
    </main>
  )
}
