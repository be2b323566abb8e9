import type { ConversationSnapshot, Participant, Profile } from '@parley/protocol'
import { UserMinus, X } from 'lucide-react'
import { useCallback, useEffect, useRef, useState } from 'react'
import { usePresence } from '../conversations/use-conversation.ts'
import { Confirm } from '../layout/Confirm.tsx'
import { IconButton } from '../layout/IconButton.tsx'
import { isNearEnd } from '../layout/near-end.ts'
import { FailureNotice, RetryLine, Skeleton } from '../layout/States.tsx'
import { type Attempt, useAttempt } from '../layout/use-attempt.ts'
import { useReturnFocus } from '../layout/use-return-focus.ts'
import { Avatar } from '../people/Avatar.tsx'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { PeoplePicker } from './PeoplePicker.tsx'

export interface ParticipantsPanelProps {
  readonly conversation: ConversationSnapshot
  readonly onClose: () => void
}

interface PersonProps {
  readonly participant: Participant
  readonly user: Profile | undefined
  readonly onRemove: (() => void) | null
}

function Person({ participant, user, onRemove }: PersonProps) {
  const presence = usePresence(participant.userId)
  const name = user?.name ?? text('formerMember')
  return (
    <li className="parley-person">
      <Avatar user={user} presence={presence} />
      <span className="parley-person-name">{name}</span>
      <span className="parley-person-facts">
        {[user?.organization?.name, participant.role === 'owner' ? text('owner') : ''].filter(Boolean).join(' · ')}
      </span>
      {onRemove && (
        <IconButton label={text('removeNamed', { name })} onClick={onRemove}>
          <UserMinus size={16} aria-hidden="true" />
        </IconButton>
      )}
    </li>
  )
}

interface AddingProps extends Pick<ParticipantsPanelProps, 'conversation'> {
  readonly present: readonly string[]
  readonly attempt: Attempt['attempt']
}

function Adding({ conversation, present, attempt }: AddingProps) {
  const { participants } = useClient()
  const [history, setHistory] = useState<'none' | 'all'>('none')
  const add = (user: Profile) => {
    attempt(text('addPeople'), participants.add(conversation.conversation.id, { userId: user.id, history }))
  }
  return (
    <div className="parley-adding">
      <PeoplePicker label={text('addPeople')} exclude={present} onPick={add} />
      <label className="parley-select">
        <span>{text('history')}</span>
        <select value={history} onChange={(event) => setHistory(event.target.value === 'all' ? 'all' : 'none')}>
          <option value="none">{text('historyNone')}</option>
          <option value="all">{text('historyAll')}</option>
        </select>
      </label>
    </div>
  )
}

/** Everybody in a conversation, page by page; until the first one is there, those who are known with the conversation. */
function usePeople({ conversation, participants: known, participantCount }: ConversationSnapshot) {
  const { participants } = useClient()
  const { id } = conversation
  const list = useSelect((state) => state.participants[id])
  const load = useCallback(() => void participants.load(id).catch(() => undefined), [participants, id])
  const loadMore = () => void participants.loadMore(id).catch(() => undefined)
  useEffect(load, [load])
  const people = list?.items.length ? list.items : known
  const missing = people.length < participantCount ? list?.status : undefined
  return { people, missing, loadMore, retry: list?.nextCursor ? loadMore : load }
}

/** The people in a conversation, by side; adding and removing them. */
export function ParticipantsPanel({ conversation, onClose }: ParticipantsPanelProps) {
  const { participants } = useClient()
  const { id } = conversation.conversation
  const users = useSelect((state) => state.users)
  const me = useSelect((state) => state.session.me?.user)
  const { people, missing, loadMore, retry } = usePeople(conversation)
  const { failure, attempt, dismiss } = useAttempt()
  const [removing, setRemoving] = useState<Participant | null>(null)
  const heading = useRef<HTMLHeadingElement>(null)
  useReturnFocus()
  useEffect(() => heading.current?.focus(), [])
  const own = people.find(({ userId }) => userId === me?.id)
  const manages = me !== undefined && (me.role !== 'external' || own?.role === 'owner')
  const sides = [
    { title: text('team'), members: people.filter(({ userId }) => users[userId]?.role !== 'external') },
    { title: text('clients'), members: people.filter(({ userId }) => users[userId]?.role === 'external') },
  ]
  return (
    <aside
      className="parley-panel"
      aria-label={text('people')}
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
      onScroll={(event) => missing === 'ready' && isNearEnd(event.currentTarget) && loadMore()}
    >
      <div className="parley-panel-head">
        <h2 ref={heading} tabIndex={-1} className="parley-panel-title">
          {text('people')}
        </h2>
        <IconButton label={text('close')} onClick={onClose}>
          <X size={20} aria-hidden="true" />
        </IconButton>
      </div>
      <FailureNotice failure={failure} onDismiss={dismiss} />
      {manages && <Adding conversation={conversation} present={people.map(({ userId }) => userId)} attempt={attempt} />}
      {sides.map(
        ({ title, members }) =>
          members.length > 0 && (
            <section key={title} className="parley-panel-section">
              <h3>{title}</h3>
              <ul>
                {members.map((participant) => (
                  <Person
                    key={participant.userId}
                    participant={participant}
                    user={users[participant.userId]}
                    onRemove={manages && participant.userId !== me?.id ? () => setRemoving(participant) : null}
                  />
                ))}
              </ul>
            </section>
          ),
      )}
      {missing === 'loading' && <Skeleton kind="row" count={1} />}
      {missing === 'error' && <RetryLine sentence={text('peopleIncomplete')} onRetry={retry} />}
      {removing && (
        <Confirm
          title={text('removeQuestion', { name: users[removing.userId]?.name ?? text('formerMember') })}
          explanation={text('removeExplained')}
          action={text('remove')}
          onConfirm={() => attempt(text('remove'), participants.remove(id, removing.userId))}
          returnTo={heading}
          onClose={() => setRemoving(null)}
        />
      )}
    </aside>
  )
}
