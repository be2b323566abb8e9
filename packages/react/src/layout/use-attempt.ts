import { useCallback, useState } from 'react'
import { announce } from '../announcer/announce.ts'
import { text } from '../text.ts'

/** Something the person asked for that may be refused. */
export interface Attempt {
  /** What was refused last and why, as a sentence. */
  readonly failure: string | null
  /** Waits for work and tells, on the screen and to screen readers, when it fails. `action` is what the person chose, as it is called there. */
  readonly attempt: (action: string, work: Promise<unknown>) => void
  readonly dismiss: () => void
}

/** Work whose refusal is shown where it was asked for. */
export function useAttempt(): Attempt {
  const [failure, setFailure] = useState<string | null>(null)
  const attempt = useCallback((action: string, work: Promise<unknown>) => {
    setFailure(null)
    work.catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error)
      const sentence = text('actionFailed', { action, reason })
      setFailure(sentence)
      announce(sentence, 'assertive')
    })
  }, [])
  const dismiss = useCallback(() => setFailure(null), [])
  return { failure, attempt, dismiss }
}
