import { hasText } from '@parley/client'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { useReturnFocus } from '../layout/use-return-focus.ts'
import { text } from '../text.ts'

export interface MessageEditorProps {
  readonly initial: string
  readonly onSave: (words: string) => void
  readonly onCancel: () => void
}

/** Changes a message in its place. */
export function MessageEditor({ initial, onSave, onCancel }: MessageEditorProps) {
  const [words, setWords] = useState(initial)
  const field = useRef<HTMLTextAreaElement>(null)
  useReturnFocus()
  useEffect(() => {
    field.current?.focus()
    field.current?.setSelectionRange(initial.length, initial.length)
  }, [initial])
  const save = () => {
    if (!hasText(words) || words === initial) onCancel()
    else onSave(words)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation()
    if (event.key === 'Escape') onCancel()
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
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
        onChange={(event) => setWords(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="parley-editor-buttons">
        <button type="button" className="parley-button" onClick={onCancel}>
          {text('cancel')}
        </button>
        <button type="button" className="parley-button parley-button-primary" onClick={save}>
          {text('save')}
        </button>
      </div>
    </div>
  )
}
