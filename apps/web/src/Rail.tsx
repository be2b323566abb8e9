import { Avatar, Menu, type Theme, text, useClient, useSelect } from '@parley/react'
import { MessagesSquare } from 'lucide-react'

export interface RailProps {
  readonly theme: Theme
  readonly onTheme: (theme: Theme) => void
  readonly onInbox: () => void
}

const themeNames = { auto: 'themeAuto', light: 'themeLight', dark: 'themeDark' } as const

/** The way between the application's parts, and the account of the one signed in. */
export function Rail({ theme, onTheme, onInbox }: RailProps) {
  const { session } = useClient()
  const me = useSelect((state) => state.session.me?.user)
  const themes = (Object.keys(themeNames) as Theme[]).map((name) => ({
    label: text(themeNames[name]),
    checked: name === theme,
    onSelect: () => onTheme(name),
  }))
  const items = [...themes, { label: text('signOut'), onSelect: () => void session.signOut().catch(() => {}) }]
  return (
    <nav className="parley-rail" aria-label={text('main')}>
      <button
        type="button"
        className="parley-button parley-button-icon"
        aria-label={text('inbox')}
        title={text('inbox')}
        aria-pressed={true}
        onClick={onInbox}
      >
        <MessagesSquare size={20} aria-hidden="true" />
      </button>
      <span className="parley-rail-end">
        <Menu label={text('account')} items={items} className="parley-account">
          <Avatar user={me} />
        </Menu>
      </span>
    </nav>
  )
}
