import type { Profile } from '@parley/protocol'
import { type KeyboardEvent, useEffect, useId, useState } from 'react'
import { useComposition } from '../composer/use-composition.ts'
import { Avatar } from '../people/Avatar.tsx'
import { useClient } from '../provider.tsx'
import { text } from '../text.ts'

const searchDelay = 150

export interface PeoplePickerProps {
  readonly label: string
  readonly exclude: readonly string[]
  readonly onPick: (user: Profile) => void
}

interface Found {
  /** Undefined before the first answer. */
  readonly query: string | undefined
  readonly failed: boolean
  readonly people: readonly Profile[]
}

/** What is said where there is nobody to choose. */
const emptyTexts = { searching: 'searchingPeople', failed: 'peopleFailed', none: 'nobodyFound' } as const

/** People by name. Until the answer has come, those of the one before whose names hold what is typed: nobody else can be taken meanwhile. */
function usePeople(query: string): { people: readonly Profile[]; empty: keyof typeof emptyTexts } {
  const { users } = useClient()
  const [found, setFound] = useState<Found>({ query: undefined, failed: false, people: [] })
  useEffect(() => {
    let current = true
    const timer = setTimeout(() => {
      users.search(query).then(
        (people) => current && setFound({ query, failed: false, people }),
        () => current && setFound(({ people }) => ({ query, failed: true, people })),
      )
    }, searchDelay)
    return () => {
      current = false
      clearTimeout(timer)
    }
  }, [users, query])
  const answered = found.query === query
  const typed = query.toLowerCase()
  return {
    empty: !answered ? 'searching' : found.failed ? 'failed' : 'none',
    people:
      answered && !found.failed ? found.people : found.people.filter(({ name }) => name.toLowerCase().includes(typed)),
  }
}

/** A field that finds people by name; arrows choose, Enter takes. */
export function PeoplePicker({ label, exclude, onPick }: PeoplePickerProps) {
  const [query, setQuery] = useState('')
  const [activeId, setActiveId] = useState<string | null>(null)
  const [open, setOpen] = useState(false)
  const listId = useId()
  const found = usePeople(query)
  const people = found.people.filter((user) => !exclude.includes(user.id))
  const choosing = open && people.length > 0
  const active = Math.max(
    0,
    people.findIndex(({ id }) => id === activeId),
  )
  const pick = (user: Profile | undefined) => {
    if (!user) return
    onPick(user)
    setQuery('')
    setActiveId(null)
  }
  const { isComposing, onCompositionEnd } = useComposition()
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step !== undefined) {
      event.preventDefault()
      setOpen(true)
      const next = choosing ? Math.max(0, Math.min(people.length - 1, active + step)) : 0
      setActiveId(people[next]?.id ?? null)
    }
    if (event.key === 'Escape' && open) {
      setOpen(false)
      event.stopPropagation()
    }
    if (event.key === 'Enter') {
      event.preventDefault()
      if (choosing) pick(people[active])
    }
  }
  return (
    <div className="parley-picker">
      <input
        className="parley-field"
        role="combobox"
        aria-label={label}
        aria-expanded={choosing}
        aria-controls={listId}
        aria-activedescendant={choosing ? `${listId}-${people[active]?.id}` : undefined}
        aria-autocomplete="list"
        autoComplete="off"
        placeholder={text('searchPeople')}
        value={query}
        onClick={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onChange={(event) => {
          setQuery(event.target.value)
          setActiveId(null)
          setOpen(true)
        }}
        onKeyDown={onKeyDown}
        onCompositionEnd={onCompositionEnd}
      />
      <div id={listId} className="parley-picker-list" role="listbox" aria-label={label} hidden={!choosing}>
        {people.map((user, index) => (
          // biome-ignore lint/a11y/useFocusableInteractive: focus stays in the field, as the combobox pattern asks
          <div
            key={user.id}
            id={`${listId}-${user.id}`}
            role="option"
            className="parley-person"
            aria-selected={index === active}
            onMouseDown={(event) => {
              event.preventDefault()
              pick(user)
            }}
          >
            <Avatar user={user} size="small" />
            <span className="parley-person-name">{user.name}</span>
            <span className="parley-person-facts">
              {user.organization?.name ?? text(user.role === 'external' ? 'external' : 'team')}
            </span>
          </div>
        ))}
      </div>
      {open && people.length === 0 && (
        <p key={found.empty} className="parley-picker-list parley-picker-none" data-state={found.empty}>
          {text(emptyTexts[found.empty])}
        </p>
      )}
    </div>
  )
}
