import type { Message } from '@parley/protocol'
import { useState } from 'react'
import { announce } from '../announcer/announce.ts'
import { now } from '../clock.ts'
import type { TextKey } from '../messages.en.ts'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import type { Actions } from './MessageActions.tsx'

const editWindow = 24 * 60 * 60 * 1000

/** What one may do with a message, and the states that doing it goes through. */
export interface MessageControl {
  readonly actions: Actions
  readonly editing: boolean
  readonly confirming: boolean
  readonly failure: string | null
  readonly save: (words: string) => void
  readonly remove: () => void
  readonly stop: () => void
}

/**
 * Editing, deleting, copying and quoting of a stored message.
 * @param onReply quotes it in the composer
 */
export function useMessageControl(message: Message | null, onReply: (message: Message) => void): MessageControl {
  const { messages } = useClient()
  const me = useSelect((state) => state.session.me?.user)
  const [mode, setMode] = useState<'idle' | 'editing' | 'confirming'>('idle')
  const [failure, setFailure] = useState<string | null>(null)
  const attempt = (action: TextKey, work: Promise<void>) => {
    setMode('idle')
    setFailure(null)
    work.catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error)
      const sentence = text('actionFailed', { action: text(action), reason })
      setFailure(sentence)
      announce(sentence, 'assertive')
    })
  }
  const alive = message !== null && message.deletedAt === null && message.kind !== 'system'
  const own = alive && message.senderId === me?.id
  const young = alive && now() - Date.parse(message.createdAt) < editWindow
  const actions: Actions = {
    ...(alive ? { reply: () => onReply(message), copy: () => void navigator.clipboard.writeText(message.text) } : {}),
    ...(own && young ? { edit: () => setMode('editing') } : {}),
    ...(alive && (own || me?.role === 'admin') ? { remove: () => setMode('confirming') } : {}),
  }
  return {
    actions,
    editing: mode === 'editing',
    confirming: mode === 'confirming',
    failure,
    save: (words) => message && attempt('edit', messages.edit(message.id, message.conversationId, words)),
    remove: () => message && attempt('delete', messages.remove(message.id, message.conversationId)),
    stop: () => setMode('idle'),
  }
}
