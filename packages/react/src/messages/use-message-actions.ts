import type { Message, Profile } from '@parley/protocol'
import { useState } from 'react'
import { now } from '../clock.ts'
import { copyText } from '../layout/copy.ts'
import { type Attempt, useAttempt } from '../layout/use-attempt.ts'
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
  /** Gives up a change that was not saved. */
  readonly discard: () => void
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

/** Editing: what is written is a draft under the message's id until it is saved or given up. */
function useEditing(onEdit: (messageId: string | null) => void, { attempt, dismiss }: Attempt) {
  const { messages, drafts } = useClient()
  const stop = () => onEdit(null)
  const begin = ({ id }: Message) => {
    dismiss()
    onEdit(id)
  }
  const discard = ({ id }: Message) => {
    dismiss()
    drafts.set(id, 'everyone', '')
  }
  const save = ({ id, conversationId }: Message, words: string) => {
    stop()
    const saved = messages.edit(id, conversationId, words).then(() => {
      if (drafts.get(id, 'everyone') === words) drafts.set(id, 'everyone', '')
    })
    attempt(text('edit'), saved)
  }
  return { begin, stop, save, discard }
}

/**
 * Editing, deleting, copying and quoting of a stored message.
 * @param edited whether it is this message that is being edited
 * @param onReply quotes it in the composer
 * @param onEdit begins to edit it, or ends that
 */
export function useMessageControl(
  message: Message | null,
  edited: boolean,
  onReply: (message: Message) => void,
  onEdit: (messageId: string | null) => void,
): MessageControl {
  const { messages } = useClient()
  const me = useSelect((state) => state.session.me?.user)
  const [mode, setMode] = useState<'idle' | 'confirming'>('idle')
  const attempts = useAttempt()
  const editing = useEditing(onEdit, attempts)
  const remove = (gone: Message) => {
    setMode('idle')
    if (edited) editing.stop()
    editing.discard(gone)
    attempts.attempt(text('delete'), messages.remove(gone.id, gone.conversationId))
  }
  const alive = message !== null && isAlive(message)
  const own = alive && message.senderId === me?.id
  const actions: Actions = {
    ...(alive ? { reply: () => onReply(message), copy: () => void copyText(message.text) } : {}),
    ...(own && mayEdit(message, me) ? { edit: () => editing.begin(message) } : {}),
    ...(alive && (own || me?.role === 'admin') ? { remove: () => setMode('confirming') } : {}),
  }
  return {
    actions,
    confirming: mode === 'confirming',
    failure: attempts.failure,
    save: (words) => message && editing.save(message, words),
    remove: () => message && remove(message),
    discard: () => message && editing.discard(message),
    stop: editing.stop,
    keep: () => setMode('idle'),
  }
}
