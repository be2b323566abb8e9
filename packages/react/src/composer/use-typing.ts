import { selectTyping } from '@parley/client'
import { useSelect } from '../provider.tsx'
import { text } from '../text.ts'

/** Who is writing in a conversation, in words; empty when nobody is. */
export function useTyping(conversationId: string): string {
  const people = useSelect((state) => selectTyping(state, conversationId))
  const [first, second] = people
  if (!first) return ''
  if (people.length > 2) return text('severalTyping')
  return second ? text('areTyping', { first: first.name, second: second.name }) : text('isTyping', { name: first.name })
}
