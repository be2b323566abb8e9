import type { ConversationSnapshot, Profile } from '@parley/protocol'
import { useCounterpart, usePresence } from '../conversations/use-conversation.ts'
import { useSelect } from '../provider.tsx'
import { Avatar } from './Avatar.tsx'

function useFace(conversation: ConversationSnapshot, index: number): Profile | undefined {
  return useSelect((state) => {
    const me = state.session.me?.user
    const others = conversation.participants.flatMap(({ userId }) =>
      userId === me?.id ? [] : (state.users[userId] ?? []),
    )
    const across = (user: Profile) => (user.role === 'external') !== (me?.role === 'external')
    return [...others.filter(across), ...others.filter((user) => !across(user))][index]
  })
}

/** Who stands for a conversation: the other person, or two of the people in it, those of the other side first. */
export function Faces({ conversation }: { readonly conversation: ConversationSnapshot }) {
  const counterpart = useCounterpart(conversation)
  const presence = usePresence(counterpart?.id)
  const first = useFace(conversation, 0)
  const second = useFace(conversation, 1)
  if (counterpart) return <Avatar user={counterpart} presence={presence} />
  if (!second) return <Avatar user={first} />
  return (
    <span className="parley-avatars">
      <Avatar user={first} />
      <Avatar user={second} />
    </span>
  )
}
