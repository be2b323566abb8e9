import { EmptyState } from '../layout/States.tsx'
import { useClient } from '../provider.tsx'
import { text } from '../text.ts'

/** Stands where the host's page gives no token that holds: only that page can sign in here. */
export function NotSignedIn() {
  const client = useClient()
  return (
    <main className="parley-main-empty parley-page">
      <EmptyState
        title={text('notSignedIn')}
        hint={text('notSignedInHint')}
        action={text('retry')}
        onAction={() => void client.start()}
      />
    </main>
  )
}
