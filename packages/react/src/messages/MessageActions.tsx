import { Ellipsis, Reply } from 'lucide-react'
import { Menu, type MenuItem } from '../layout/Menu.tsx'
import { text } from '../text.ts'
import { useTabIndex } from './entered.ts'

/** What one may do with a message; what is left out may not be done. */
export interface Actions {
  readonly reply?: () => void
  readonly copy?: () => void
  readonly edit?: () => void
  readonly remove?: () => void
}

export interface MessageActionsProps {
  readonly label: string
  readonly actions: Actions
}

function itemsOf({ reply, copy, edit, remove }: Actions): MenuItem[] {
  return [
    ...(reply ? [{ label: text('reply'), onSelect: reply }] : []),
    ...(copy ? [{ label: text('copyText'), onSelect: copy }] : []),
    ...(edit ? [{ label: text('edit'), onSelect: edit }] : []),
    ...(remove ? [{ label: text('delete'), onSelect: remove, danger: true }] : []),
  ]
}

/** The toolbar of a message, shown on hover and focus. */
export function MessageActions({ label, actions }: MessageActionsProps) {
  const tabIndex = useTabIndex()
  const items = itemsOf(actions)
  if (items.length === 0) return null
  return (
    <div className="parley-actions" role="toolbar" aria-label={label}>
      {actions.reply && (
        <button
          type="button"
          className="parley-button parley-button-icon"
          aria-label={text('reply')}
          title={text('reply')}
          tabIndex={tabIndex}
          onClick={actions.reply}
        >
          <Reply size={16} aria-hidden="true" />
        </button>
      )}
      <Menu label={text('moreActions')} items={items} tabIndex={tabIndex}>
        <Ellipsis size={16} aria-hidden="true" />
      </Menu>
    </div>
  )
}
