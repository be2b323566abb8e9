import { selectDraft } from '@parley/client'
import type { Audience } from '@parley/protocol'
import { useReducer } from 'react'
import { useClient, useSelect } from '../provider.tsx'

/**
 * A text that is kept while it is written. Setting it renders at once: the store tells of changes a moment later, and until then React would put
 * the old text back into the field, and the caret to its end.
 */
export function useDraft(conversationId: string, audience: Audience): readonly [string, (words: string) => void] {
  const { drafts } = useClient()
  const words = useSelect((state) => selectDraft(state, conversationId, audience))
  const [, render] = useReducer((count: number) => count + 1, 0)
  const keep = (next: string) => {
    drafts.set(conversationId, audience, next)
    render()
  }
  return [words, keep]
}
