import { selectDraft } from '@parley/client'
import type { Message } from '@parley/protocol'
import { copyText } from '../layout/copy.ts'
import { useSelect } from '../provider.tsx'
import { text } from '../text.ts'

export interface UnsavedEditProps {
  readonly message: Message
  /** Opens the editor; left out when the message may not be changed any more. */
  readonly onEdit: (() => void) | undefined
  readonly onDiscard: () => void
}

/** What somebody wrote to change a message and did not save: it was refused, or left for something else. */
export function UnsavedEdit({ message, onEdit, onDiscard }: UnsavedEditProps) {
  const words = useSelect((state) => selectDraft(state, message.id, 'everyone'))
  if (words === '' || words === message.text) return null
  return (
    <div className="parley-failed" data-testid="unsaved-edit">
      <span dir="auto">{text('editUnsaved', { text: words })}</span>
      {onEdit ? (
        <button type="button" className="parley-link" onClick={onEdit}>
          {text('edit')}
        </button>
      ) : (
        <button type="button" className="parley-link" onClick={() => void copyText(words)}>
          {text('copyText')}
        </button>
      )}
      <button
        type="button"
        className="parley-link"
        onClick={(event) => {
          event.currentTarget.closest('article')?.focus()
          onDiscard()
        }}
      >
        {text('discard')}
      </button>
    </div>
  )
}
