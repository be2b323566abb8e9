import type { DraftMethods } from '@parley/client'
import type { Message } from '@parley/protocol'
import { useMemo } from 'react'
import { useClient, useSelect } from '../provider.tsx'
import { useDraft } from './use-draft.ts'

const draftOf = (conversationId: string) => `${conversationId}/quote`

/** Quotes a message in what is being written in a conversation, or none. */
export function keepQuoted(drafts: DraftMethods, conversationId: string, message: Message | null): void {
  drafts.set(draftOf(conversationId), 'everyone', message === null ? '' : JSON.stringify(message))
}

/** The message that is quoted in what is being written: it is kept with it. One that was deleted meanwhile is none. */
export function useQuoted(conversationId: string): readonly [Message | null, (message: Message | null) => void] {
  const { drafts } = useClient()
  const [kept] = useDraft(draftOf(conversationId), 'everyone')
  const known = useMemo<Message | null>(() => (kept === '' ? null : JSON.parse(kept)), [kept])
  const loaded = useSelect(({ timelines }) => {
    return known && timelines[conversationId]?.items.find(({ id }) => id === known.id)
  })
  const quoted = loaded ?? known
  return [quoted?.deletedAt === null ? quoted : null, (message) => keepQuoted(drafts, conversationId, message)]
}
