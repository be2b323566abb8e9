import { isTeam, type State, selectDraft, selectTyping } from '@parley/client'
import type { ConversationSnapshot, Message } from '@parley/protocol'
import { text } from '../text.ts'

/** What the second line of a list row shows. */
export interface Preview {
  readonly kind: 'failed' | 'draft' | 'typing' | 'note' | 'message' | 'none'
  readonly text: string
}

const markup = /[*_~`>#]+/g

function plain(words: string): string {
  return words.replace(markup, '').replace(/\s+/g, ' ').trim()
}

function draftOf(state: State, conversationId: string): string {
  return selectDraft(state, conversationId, 'everyone') || selectDraft(state, conversationId, 'team')
}

function messagePreview(state: State, { conversation }: ConversationSnapshot, message: Message): string {
  const words = message.deletedAt === null ? plain(message.text) : text('deletedPreview')
  if (message.senderId === state.session.me?.user.id) return text('youPrefix', { text: words })
  if (conversation.direct) return words
  const name = state.users[message.senderId]?.name.split(' ')[0]
  return name === undefined ? words : text('senderPrefix', { name, text: words })
}

/** The preview of a conversation: what failed, what is being written, else what was said last. */
export function previewOf(state: State, snapshot: ConversationSnapshot): Preview {
  const { id } = snapshot.conversation
  const failed = state.outbox[id]?.find((pending) => pending.status === 'failed')
  if (failed) return { kind: 'failed', text: text('notSentPrefix', { text: plain(failed.text) }) }
  const draft = draftOf(state, id)
  if (draft.trim() !== '') return { kind: 'draft', text: text('draftPrefix', { text: plain(draft) }) }
  const [typist] = selectTyping(state, id)
  if (typist) return { kind: 'typing', text: text('isTyping', { name: typist.name }) }
  const waiting = state.outbox[id]?.at(-1)
  if (waiting) return { kind: 'message', text: text('youPrefix', { text: plain(waiting.text) }) }
  const { lastMessage } = snapshot
  if (!lastMessage) return { kind: 'none', text: '' }
  const kind = lastMessage.audience === 'team' && isTeam(state) ? 'note' : 'message'
  return { kind, text: messagePreview(state, snapshot, lastMessage) }
}
