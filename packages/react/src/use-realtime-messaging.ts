import type { Message } from '@parley/protocol'
import { useEffect, useRef } from 'react'
import { useClient, useSelect } from './provider.tsx'

export interface RealtimeMessagingOptions {
  /** Called once for every message that comes in while the hook is mounted. */
  readonly onNewMessage?: (message: Message) => void
}

/** The live connection for hosts that draw their own interface. */
export function useRealtimeMessaging({ onNewMessage }: RealtimeMessagingOptions = {}): {
  readonly isConnected: boolean
  readonly subscribeToConversation: (conversationId: string) => Promise<void>
  readonly sendTypingIndicator: (conversationId: string) => void
} {
  const client = useClient()
  const isConnected = useSelect((state) => state.connection.status === 'online')
  const listener = useRef(onNewMessage)
  listener.current = onNewMessage
  useEffect(() => {
    const last = new Map<string, number>()
    const check = (silent: boolean) => {
      for (const { conversation, lastMessage } of Object.values(client.store.getState().conversations)) {
        const before = last.get(conversation.id)
        last.set(conversation.id, Math.max(lastMessage?.seq ?? 0, before ?? 0))
        const isNew = lastMessage !== null && before !== undefined && lastMessage.seq > before
        if (!silent && isNew && lastMessage.deletedAt === null) listener.current?.(lastMessage)
      }
    }
    check(true)
    return client.store.subscribe(() => check(false))
  }, [client])
  return {
    isConnected,
    subscribeToConversation: (conversationId) => client.conversations.open(conversationId),
    sendTypingIndicator: (conversationId) => client.typing.input(conversationId, 'everyone'),
  }
}
