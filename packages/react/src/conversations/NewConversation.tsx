import { hasText } from '@parley/client'
import type { Context, Profile } from '@parley/protocol'
import { ArrowLeft, ArrowUpRight, Lock, X } from 'lucide-react'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { useReturnFocus } from '../layout/use-return-focus.ts'
import { PeoplePicker } from '../participants/PeoplePicker.tsx'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import { useNewDraft } from './use-new-draft.ts'

export interface NewConversationProps {
  /** The host's record it is started from. */
  readonly context?: Context
  readonly onCreated: (conversationId: string) => void
  readonly onCancel: () => void
}

function AudienceLine({
  people,
  kind,
}: {
  readonly people: readonly Profile[]
  readonly kind: 'internal' | 'external'
}) {
  if (people.length === 0) return <p className="parley-form-hint">{text('audienceNobody')}</p>
  const names = people.filter((user) => user.role === 'external').map((user) => user.organization?.name ?? user.name)
  return (
    <p className="parley-form-hint">
      <span className="parley-tag" data-kind={kind}>
        {kind === 'external' ? <ArrowUpRight size={12} aria-hidden="true" /> : <Lock size={12} aria-hidden="true" />}
        <span>
          {kind === 'external'
            ? text('audienceExternal', { names: [...new Set(names)].join(', ') || text('team') })
            : text('audienceInternal')}
        </span>
      </span>
    </p>
  )
}

function Chips({
  people,
  onRemove,
}: {
  readonly people: readonly Profile[]
  readonly onRemove: (user: Profile) => void
}) {
  return (
    <span className="parley-chips">
      {people.map((user) => (
        <span key={user.id} className="parley-person-chip">
          {user.name}
          <button type="button" aria-label={text('removeChip', { name: user.name })} onClick={() => onRemove(user)}>
            <X size={12} aria-hidden="true" />
          </button>
        </span>
      ))}
    </span>
  )
}

function useCreation({ context, onCreated }: NewConversationProps) {
  const { conversations } = useClient()
  const draft = useNewDraft(context)
  const { people, title, words } = draft
  const isHere = useRef(true)
  const [state, setState] = useState<{ busy: boolean; failure: string }>({ busy: false, failure: '' })
  const outsider = useSelect((state) => state.session.me?.user.role === 'external')
  const kind =
    outsider || people.some((user) => user.role === 'external') ? ('external' as const) : ('internal' as const)
  const ready = people.length > 0 && hasText(words) && !state.busy
  useEffect(() => {
    isHere.current = true
    return () => {
      isHere.current = false
    }
  }, [])
  const created = (conversationId: string) => {
    draft.started(words)
    if (isHere.current) onCreated(conversationId)
  }
  const refused = (error: Error) => {
    if (!('retry' in error) || error.retry === 'never') draft.renew()
    setState({ busy: false, failure: error.message })
  }
  const create = (event: FormEvent) => {
    event.preventDefault()
    if (!ready) return
    setState({ busy: true, failure: '' })
    const clientKey = draft.key()
    conversations
      .create({
        clientKey,
        kind,
        participants: people.map((user) => user.id),
        direct: people.length === 1 && title.trim() === '' && !context,
        ...(title.trim() === '' ? {} : { subject: title.trim() }),
        ...(context ? { context } : {}),
        firstMessage: { clientKey, text: words },
      })
      .then(created, refused)
  }
  return { ...draft, kind, ready, create, ...state }
}

/** Starts a conversation: people, an optional title, and the first message; nothing exists before that. */
export function NewConversation(props: NewConversationProps) {
  const form = useCreation(props)
  const { people, setPeople } = form
  const own = useSelect((state) => state.session.me?.user.id ?? '')
  const to = useRef<HTMLDivElement>(null)
  useReturnFocus()
  useEffect(() => {
    if (!window.matchMedia('(pointer: coarse)').matches) to.current?.querySelector('input')?.focus()
  }, [])
  const remove = (user: Profile) => {
    setPeople(people.filter((each) => each !== user))
    to.current?.querySelector('input')?.focus()
  }
  return (
    <main className="parley-page">
      <form className="parley-form" onSubmit={form.create}>
        <div className="parley-form-head">
          <button
            type="button"
            className="parley-button parley-button-icon parley-back"
            aria-label={text('back')}
            onClick={props.onCancel}
          >
            <ArrowLeft size={20} aria-hidden="true" />
          </button>
          <h1>{text('newConversation')}</h1>
        </div>
        <div ref={to} className="parley-form-row">
          <span className="parley-form-label">{text('to')}</span>
          <Chips people={people} onRemove={remove} />
          <PeoplePicker
            label={text('to')}
            exclude={[own, ...people.map((user) => user.id)]}
            onPick={(user) => setPeople([...people, user])}
          />
          <AudienceLine people={people} kind={form.kind} />
        </div>
        <label className="parley-form-row">
          <span className="parley-form-label">{text('titleOptional')}</span>
          <input
            className="parley-field"
            value={form.title}
            maxLength={200}
            dir="auto"
            onChange={(event) => form.setTitle(event.target.value)}
          />
        </label>
        <label className="parley-form-row">
          <span className="parley-form-label">{text('firstMessage')}</span>
          <textarea
            className="parley-field"
            rows={5}
            value={form.words}
            dir="auto"
            onChange={(event) => form.setWords(event.target.value)}
          />
        </label>
        {form.failure !== '' && (
          <p className="parley-failed" role="alert">
            {text('createFailed')}. {form.failure}
          </p>
        )}
        <div className="parley-form-buttons">
          <button type="button" className="parley-button" onClick={props.onCancel}>
            {text('cancel')}
          </button>
          <button
            type="submit"
            className="parley-button parley-button-primary"
            disabled={!form.ready && !form.busy}
            aria-disabled={form.busy}
          >
            {text('startConversation')}
          </button>
        </div>
      </form>
    </main>
  )
}
