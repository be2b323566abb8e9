import type { Message } from '@parley/protocol'
import { timeOfDay } from '../dates.ts'
import type { TextKey } from '../messages.en.ts'
import { useSelect } from '../provider.tsx'
import { text } from '../text.ts'

const statusNames = {
  open: 'statusOpen',
  waiting: 'statusWaiting',
  closed: 'statusClosed',
  archived: 'statusArchived',
} as const satisfies Record<string, TextKey>

function wording(message: Message, nameOf: (userId: string) => string): string {
  const { system, senderId } = message
  const actor = nameOf(senderId)
  switch (system?.type) {
    case undefined:
      return ''
    case 'participant-added':
      return text('systemAdded', { actor, user: nameOf(system.userId) })
    case 'participant-removed':
      return text('systemRemoved', { actor, user: nameOf(system.userId) })
    case 'participant-left':
      return text('systemLeft', { actor })
    case 'subject-changed':
      return system.subject === null
        ? text('systemSubjectCleared', { actor })
        : text('systemSubject', { actor, subject: system.subject })
    case 'status-changed':
      return text('systemStatus', { actor, status: text(statusNames[system.status]) })
  }
}

/** What happened to the conversation, in a quiet line. */
export function SystemRow({ message }: { readonly message: Message }) {
  const users = useSelect((state) => state.users)
  const own = useSelect((state) => state.session.me?.user.id)
  const nameOf = (userId: string) => (userId === own ? text('you') : (users[userId]?.name ?? text('formerMember')))
  return (
    <p className="parley-system">
      <bdi>{wording(message, nameOf)}</bdi> <time dateTime={message.createdAt}>{timeOfDay(message.createdAt)}</time>
    </p>
  )
}
