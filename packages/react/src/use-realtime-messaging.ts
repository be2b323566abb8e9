import type { Message } from '@parley/protocol'
import { useEffect, useRef } from 'react'
import { useClient, useSelect } from './provider.tsx'

export interface RealtimeMessagingOptions {
  /** Called once for every message that comes in while the hook is mounted, one's own too: as {@link ParleyClient.messages.onNew}. */
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
  useEffect(() => client.messages.onNew((message) => listener.current?.(message)), [client])
  return {
    isConnected,
    subscribeToConversation: (conversationId) => client.conversations.open(conversationId),
    sendTypingIndicator: (conversationId) => client.typing.input(conversationId, 'everyone'),
  }
}
