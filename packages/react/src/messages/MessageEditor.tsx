import { hasText } from '@parley/client'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { isDone, useComposition } from '../composer/use-composition.ts'
import { Confirm } from '../layout/Confirm.tsx'
import { useReturnFocus } from '../layout/use-return-focus.ts'
import { useClient } from '../provider.tsx'
import { text } from '../text.ts'

export interface MessageEditorProps {
  readonly messageId: string
  readonly initial: string
  readonly onSave: (words: string) => void
  readonly onCancel: () => void
  /** Asked for by leaving nothing of the text. */
  readonly onDelete: () => void
}

/** Changes a message in its place. What was written is kept until it is saved or given up: a refusal, or going elsewhere, takes nothing away. */
export function MessageEditor({ messageId, initial, onSave, onCancel, onDelete }: MessageEditorProps) {
  const { drafts } = useClient()
  const [words, setWords] = useState(() => drafts.get(messageId, 'everyone') || initial)
  const [asking, setAsking] = useState(false)
  const { isComposing, onCompositionEnd } = useComposition()
  const field = useRef<HTMLTextAreaElement>(null)
  useReturnFocus()
  useEffect(() => {
    field.current?.focus()
    const end = field.current?.value.length ?? 0
    field.current?.setSelectionRange(end, end)
  }, [])
  const write = (next: string) => {
    setWords(next)
    drafts.set(messageId, 'everyone', next === initial ? '' : next)
  }
  const discard = () => {
    drafts.set(messageId, 'everyone', '')
    onCancel()
  }
  const cancel = () => {
    if (words === initial) discard()
    else setAsking(true)
  }
  const save = () => {
    if (words === initial) discard()
    else if (hasText(words)) onSave(words)
    else onDelete()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation()
    if (isComposing(event)) return
    if (event.key === 'Escape') cancel()
    if (!isDone(event)) return
    event.preventDefault()
    save()
  }
  return (
    <div className="parley-editor">
      <textarea
        ref={field}
        className="parley-field"
        aria-label={text('editMessage')}
        value={words}
        rows={1}
        dir="auto"
        onChange={(event) => write(event.target.value)}
        onKeyDown={onKeyDown}
        onCompositionEnd={onCompositionEnd}
      />
      <div className="parley-editor-buttons">
        <button type="button" className="parley-button" onClick={cancel}>
          {text('cancel')}
        </button>
        <button type="button" className="parley-button parley-button-primary" onClick={save}>
          {text('save')}
        </button>
      </div>
      {asking && (
        <Confirm
          title={text('discardQuestion')}
          explanation={text('discardExplained')}
          action={text('discard')}
          cancel={text('goOnEditing')}
          onConfirm={discard}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  )
}
