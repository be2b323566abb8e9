import { MessagesSquare } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'

function explain(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  if (code === 'credentials_invalid') return text('signInWrong')
  if (code === 'rate_limited') return text('signInLimited')
  return text('signInFailed', { reason: error instanceof Error ? error.message : '' })
}

/** Says that the server could not be told of signing out, and tells it again when asked to. */
function SignOutAgain() {
  const { session } = useClient()
  const unended = useSelect((state) => state.session.unended)
  if (!unended) return null
  return (
    <p className="parley-failed" role="alert">
      {text('signOutFailed')}{' '}
      <button type="button" className="parley-link" onClick={() => void session.signOut().catch(() => {})}>
        {text('retry')}
      </button>
    </p>
  )
}

/** Email and password; the other way in is a one-time link. */
export function SignIn({ notice = '' }: { readonly notice?: string }) {
  const { session } = useClient()
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState('')
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (busy) return
    const fields = new FormData(event.currentTarget)
    setBusy(true)
    setFailure('')
    session
      .signIn({ email: String(fields.get('email')), password: String(fields.get('password')) })
      .catch((error: unknown) => setFailure(explain(error)))
      .finally(() => setBusy(false))
  }
  return (
    <main className="parley-page parley-sign-in">
      <form className="parley-form" onSubmit={submit} aria-busy={busy}>
        <span className="parley-mark">
          <MessagesSquare size={28} aria-hidden="true" />
        </span>
        <h1>{text('signInTitle')}</h1>
        <SignOutAgain />
        {notice !== '' && (
          <p className="parley-notice" role="status">
            {notice}
          </p>
        )}
        <label className="parley-form-row">
          <span className="parley-form-label">{text('email')}</span>
          <input className="parley-field" name="email" type="email" autoComplete="username" required />
        </label>
        <label className="parley-form-row">
          <span className="parley-form-label">{text('password')}</span>
          <input className="parley-field" name="password" type="password" autoComplete="current-password" required />
        </label>
        {failure !== '' && (
          <p className="parley-failed" role="alert">
            {failure}
          </p>
        )}
        <button type="submit" className="parley-button parley-button-primary parley-button-wide" aria-disabled={busy}>
          {text('signIn')}
        </button>
        <p className="parley-form-hint">{text('signInHint')}</p>
      </form>
    </main>
  )
}
