import type { Message, Profile } from '@parley/protocol'
import { useState } from 'react'
import { now } from '../clock.ts'
import { useAttempt } from '../layout/use-attempt.ts'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import type { Actions } from './MessageActions.tsx'

const editWindow = 24 * 60 * 60 * 1000

/** What one may do with a message, and the states that doing it goes through. */
export interface MessageControl {
  readonly actions: Actions
  readonly confirming: boolean
  readonly failure: string | null
  readonly save: (words: string) => void
  readonly remove: () => void
  /** Ends editing. */
  readonly stop: () => void
  /** Does not delete after all. */
  readonly keep: () => void
}

function isAlive(message: Message): boolean {
  return message.deletedAt === null && message.kind !== 'system'
}

/** Whether somebody may still change a message. */
export function mayEdit(message: Message, user: Pick<Profile, 'id'> | undefined): boolean {
  return isAlive(message) && message.senderId === user?.id && now() - Date.parse(message.createdAt) < editWindow
}

/**
 * Editing, deleting, copying and quoting of a stored message.
 * @param onReply quotes it in the composer
 * @param onEdit begins to edit it, or ends that
 */
export function useMessageControl(
  message: Message | null,
  onReply: (message: Message) => void,
  onEdit: (messageId: string | null) => void,
): MessageControl {
  const { messages, drafts } = useClient()
  const me = useSelect((state) => state.session.me?.user)
  const [mode, setMode] = useState<'idle' | 'confirming'>('idle')
  const { failure, attempt } = useAttempt()
  const stop = () => onEdit(null)
  const save = ({ id, conversationId }: Message, words: string) => {
    stop()
    attempt(
      text('edit'),
      messages.edit(id, conversationId, words).then(() => drafts.set(id, 'everyone', '')),
    )
  }
  const remove = ({ id, conversationId }: Message) => {
    setMode('idle')
    attempt(text('delete'), messages.remove(id, conversationId))
  }
  const alive = message !== null && isAlive(message)
  const own = alive && message.senderId === me?.id
  const actions: Actions = {
    ...(alive ? { reply: () => onReply(message), copy: () => void navigator.clipboard.writeText(message.text) } : {}),
    ...(own && mayEdit(message, me) ? { edit: () => onEdit(message.id) } : {}),
    ...(alive && (own || me?.role === 'admin') ? { remove: () => setMode('confirming') } : {}),
  }
  return {
    actions,
    confirming: mode === 'confirming',
    failure,
    save: (words) => message && save(message, words),
    remove: () => message && remove(message),
    stop,
    keep: () => setMode('idle'),
  }
}
