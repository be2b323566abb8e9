import type { ConversationSnapshot } from '@parley/protocol'
import { ArrowUpRight, Lock } from 'lucide-react'
import { text } from '../text.ts'
import { useOtherSide } from './use-conversation.ts'

/** Whether outsiders are in a conversation: always an icon and words, never colour alone. */
export function AudienceTag({ conversation }: { readonly conversation: ConversationSnapshot }) {
  const name = useOtherSide(conversation)
  const { kind } = conversation.conversation
  const words = kind === 'external' ? text('externalWith', { name }) : text('internal')
  return (
    <span className="parley-tag" data-kind={kind} title={words}>
      {kind === 'external' ? <ArrowUpRight size={12} aria-hidden="true" /> : <Lock size={12} aria-hidden="true" />}
      <span>{words}</span>
    </span>
  )
}
