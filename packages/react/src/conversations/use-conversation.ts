import { selectPresence, selectTitle } from '@parley/client'
import type { ConversationSnapshot, PresenceState, Profile } from '@parley/protocol'
import { useEffect, useState } from 'react'
import { useClient, useSelect } from '../provider.tsx'

/** A conversation, opened and kept current. `failed` holds why it could not be opened; one that goes is asked for again, which tells why. */
export function useConversation(conversationId: string): {
  readonly conversation: ConversationSnapshot | undefined
  readonly failed: Error | null
  readonly reload: () => void
} {
  const client = useClient()
  const [failed, setFailed] = useState<Error | null>(null)
  const [attempt, setAttempt] = useState(0)
  const conversation = useSelect((state) => state.conversations[conversationId])
  const signedIn = useSelect((state) => state.session.status === 'signed-in')
  const isHere = conversation !== undefined
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt opens again, and so does the loss of what was open
  useEffect(() => {
    if (!signedIn) return
    let current = true
    setFailed(null)
    client.conversations.open(conversationId).catch((error: unknown) => {
      if (current) setFailed(error instanceof Error ? error : new Error(String(error)))
    })
    return () => {
      current = false
    }
  }, [client, conversationId, signedIn, attempt, isHere])
  return { conversation, failed, reload: () => setAttempt((count) => count + 1) }
}

/** What a conversation is called for its viewer. */
export function useTitle(conversation: ConversationSnapshot): string {
  return useSelect((state) => selectTitle(state, conversation))
}

/** The one other person of a direct conversation. */
export function useCounterpart(conversation: ConversationSnapshot): Profile | undefined {
  return useSelect((state) => {
    if (!conversation.conversation.direct) return undefined
    const own = state.session.me?.user.id
    const other = conversation.participants.find(({ userId }) => userId !== own)
    return other && state.users[other.userId]
  })
}

/** Whether somebody is here; `offline` while unknown, and for nobody. */
export function usePresence(userId: string | undefined): PresenceState {
  return useSelect((state) => (userId === undefined ? 'offline' : selectPresence(state, userId)))
}

/** Name of the company on the other side of an external conversation, for labels. */
export function useOtherSide(conversation: ConversationSnapshot): string {
  return useSelect((state) => {
    const own = state.session.me?.user.id
    const others = conversation.participants.flatMap(({ userId }) =>
      userId === own ? [] : (state.users[userId] ?? []),
    )
    const outsider = others.find((user) => user.role === 'external')
    const shown =
      state.session.me?.user.role === 'external' ? others.find((user) => user.role !== 'external') : outsider
    return shown?.organization?.name ?? shown?.name ?? others[0]?.name ?? selectTitle(state, conversation)
  })
}
