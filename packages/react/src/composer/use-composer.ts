import { hasText, isTeam, type State } from '@parley/client'
import type { Audience, ConversationSnapshot, Message } from '@parley/protocol'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { announce } from '../announcer/announce.ts'
import { mayEdit } from '../messages/use-message-actions.ts'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'

/** Characters a message may have; the server's limit. */
export const textLimit = 4000

const imeKeyCode = 229

/** The state of writing in one conversation. */
export interface Composer {
  readonly words: string
  readonly audience: Audience
  /** Whether one may choose between a reply and a note. */
  readonly hasModes: boolean
  readonly tooLong: number
  readonly canSend: boolean
  readonly setWords: (words: string) => void
  readonly setAudience: (audience: Audience) => void
  readonly send: () => void
  readonly onKeyDown: (event: KeyboardEvent<HTMLTextAreaElement>) => void
  readonly onCompositionEnd: () => void
  /** My last message, if it may still be changed; none while a later one is on its way. */
  readonly lastEditable: () => Message | undefined
}

function useAudience(conversation: ConversationSnapshot, quoted: Message | null) {
  const hasModes = useSelect(isTeam) && conversation.conversation.kind === 'external'
  const [chosen, setChosen] = useState<Audience>('everyone')
  const locked = quoted?.audience === 'team'
  const audience: Audience = hasModes && (locked || chosen === 'team') ? 'team' : 'everyone'
  const choose = (next: Audience) => {
    if (locked || next === audience) return
    setChosen(next)
    announce(text(next === 'team' ? 'noteAnnounced' : 'replyAnnounced'))
  }
  return { hasModes, audience, choose }
}

function lastEditable({ timelines, session, outbox }: State, conversationId: string): Message | undefined {
  if (outbox[conversationId]?.some(({ status }) => status !== 'failed')) return undefined
  return timelines[conversationId]?.items.findLast((message) => mayEdit(message, session.me?.user))
}

/**
 * Writing: drafts per audience, typing signals, keys that send.
 * @param quoted the message that is being cited
 * @param onSent called after a message went out
 */
export function useComposer(conversation: ConversationSnapshot, quoted: Message | null, onSent: () => void): Composer {
  const client = useClient()
  const { id } = conversation.conversation
  const { hasModes, audience, choose } = useAudience(conversation, quoted)
  const words = useSelect((state) => state.drafts[`${id}:${audience}`] ?? '')
  const composing = useRef(false)
  const tooLong = Math.max(0, words.length - textLimit)
  const canSend = hasText(words) && tooLong === 0
  useEffect(() => () => client.typing.stop(id), [client, id])
  const setWords = (next: string) => {
    client.drafts.set(id, audience, next)
    if (next === '') client.typing.stop(id)
    else client.typing.input(id, audience)
  }
  const send = () => {
    if (!canSend) return
    client.messages.send(id, { text: words, audience, ...(quoted ? { replyTo: quoted } : {}) })
    client.drafts.set(id, audience, '')
    client.typing.stop(id)
    onSent()
  }
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const { nativeEvent } = event
    const imeKey = nativeEvent.isComposing || nativeEvent.keyCode === imeKeyCode || composing.current
    if (event.key !== 'Enter' || event.shiftKey || imeKey) return
    const touch = window.matchMedia('(pointer: coarse)').matches
    if (touch && !event.ctrlKey && !event.metaKey) return
    event.preventDefault()
    send()
  }
  const onCompositionEnd = () => {
    composing.current = true
    setTimeout(() => {
      composing.current = false
    })
  }
  return {
    words,
    audience,
    hasModes,
    tooLong,
    canSend,
    setWords,
    setAudience: choose,
    send,
    onKeyDown,
    onCompositionEnd,
    lastEditable: () => lastEditable(client.store.getState(), id),
  }
}
