import { type State, selectPresence, selectTitle } from '@parley/client'
import type { ConversationSnapshot, PresenceState, Profile } from '@parley/protocol'
import { useEffect, useState } from 'react'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'

const companiesNamed = 3

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

/** Whether somebody is of another side than oneself. */
function isOutside(me: Profile | undefined, { role, organization }: Profile): boolean {
  if (me?.role !== 'external') return role === 'external'
  return organization === null || organization.id !== me.organization?.id
}

function otherSide(state: State, conversation: ConversationSnapshot): string {
  const me = state.session.me?.user
  const { participants, participantCount } = conversation
  const others = participants.flatMap(({ userId }) => (userId === me?.id ? [] : (state.users[userId] ?? [])))
  const outside = others.filter((user) => isOutside(me, user))
  const names = [...new Set(outside.map((user) => user.organization?.name ?? user.name))]
  if (names.length === 0) return me?.role === 'external' ? selectTitle(state, conversation) : text('clients')
  if (participantCount > participants.length)
    return text('andOthers', { names: names.slice(0, companiesNamed).join(', ') })
  const more = names.length > companiesNamed ? ` +${names.length - companiesNamed + 1}` : ''
  return names.slice(0, more === '' ? companiesNamed : companiesNamed - 1).join(', ') + more
}

/** Names of all companies on the other side of an external conversation, for labels: who reads what one writes. */
export function useOtherSide(conversation: ConversationSnapshot): string {
  return useSelect((state) => otherSide(state, conversation))
}
