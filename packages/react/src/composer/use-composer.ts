import { hasText, isTeam, type State, selectAudience } from '@parley/client'
import type { Audience, ConversationSnapshot, Message } from '@parley/protocol'
import { type KeyboardEvent, useEffect } from 'react'
import { announce } from '../announcer/announce.ts'
import { mayEdit } from '../messages/use-message-actions.ts'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { isDone, useComposition } from './use-composition.ts'
import { useDraft } from './use-draft.ts'

/** Characters a message may have; the server's limit. */
export const textLimit = 4000

/** The state of writing in one conversation. */
export interface Composer {
  readonly words: string
  readonly audience: Audience
  /** Whether one may choose between a reply and a note. */
  readonly hasModes: boolean
  /** Whether a note is quoted, which only a note may answer. */
  readonly locked: boolean
  readonly tooLong: number
  readonly canSend: boolean
  readonly setWords: (words: string) => void
  readonly setAudience: (audience: Audience) => void
  readonly send: () => void
  readonly onKeyDown: (event: KeyboardEvent<HTMLTextAreaElement>) => void
  readonly isComposing: (event: KeyboardEvent) => boolean
  readonly onCompositionEnd: () => void
  /** My last message, if it may still be changed; none while a later one is on its way. */
  readonly lastEditable: () => Message | undefined
}

/** For whom one writes: as chosen last in the conversation, and from a quoted note on for the team. It never changes by itself into a reply. */
function useAudience({ conversation }: ConversationSnapshot, quoted: Message | null) {
  const { drafts } = useClient()
  const { id, kind } = conversation
  const hasModes = useSelect(isTeam) && kind === 'external'
  const chosen = useSelect((state) => selectAudience(state, id))
  const locked = hasModes && quoted?.audience === 'team'
  const audience: Audience = hasModes && (locked || chosen === 'team') ? 'team' : 'everyone'
  useEffect(() => {
    if (!locked || chosen === 'team') return
    drafts.choose(id, 'team')
    announce(text('noteAnnounced'))
  }, [locked, chosen, drafts, id])
  const choose = (next: Audience) => {
    if (locked || next === audience) return
    drafts.choose(id, next)
    announce(text(next === 'team' ? 'noteAnnounced' : 'replyAnnounced'))
  }
  return { hasModes, audience, choose, locked }
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
  const { hasModes, audience, choose, locked } = useAudience(conversation, quoted)
  const [words, keepWords] = useDraft(id, audience)
  const { isComposing, onCompositionEnd } = useComposition()
  const tooLong = Math.max(0, words.length - textLimit)
  const canSend = hasText(words) && tooLong === 0
  useEffect(() => () => client.typing.stop(id), [client, id])
  const setWords = (next: string) => {
    keepWords(next)
    if (next === '') client.typing.stop(id)
    else client.typing.input(id, audience)
  }
  const send = () => {
    if (!canSend) return
    client.messages.send(id, { text: words, audience, ...(quoted ? { replyTo: quoted } : {}) })
    keepWords('')
    client.typing.stop(id)
    onSent()
  }
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (!isDone(event) || isComposing(event)) return
    event.preventDefault()
    send()
  }
  return {
    words,
    audience,
    hasModes,
    locked,
    tooLong,
    canSend,
    setWords,
    setAudience: choose,
    send,
    onKeyDown,
    isComposing,
    onCompositionEnd,
    lastEditable: () => lastEditable(client.store.getState(), id),
  }
}
