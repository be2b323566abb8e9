import { DropdownMenu } from 'radix-ui'
import { type ReactNode, useRef } from 'react'
import { useContainer } from '../provider.tsx'

/** One line of a menu. */
export interface MenuItem {
  readonly label: string
  readonly onSelect: () => void
  readonly danger?: boolean
  readonly checked?: boolean
}

export interface MenuProps {
  readonly label: string
  readonly items: readonly MenuItem[]
  readonly children: ReactNode
  readonly className?: string
  readonly tabIndex?: number
}

/** A button that opens a menu, inside the root so that the look reaches it. What is chosen happens once the button has the focus back. */
export function Menu({ label, items, children, className = 'parley-button parley-button-icon', tabIndex }: MenuProps) {
  const container = useContainer()
  const trigger = useRef<HTMLButtonElement>(null)
  const chosen = useRef<(() => void) | null>(null)
  const finish = (event: Event) => {
    const act = chosen.current
    if (!act) return
    chosen.current = null
    event.preventDefault()
    trigger.current?.focus()
    act()
  }
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger ref={trigger} className={className} aria-label={label} title={label} tabIndex={tabIndex}>
        {children}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal container={container}>
        <DropdownMenu.Content
          className="parley-menu"
          align="end"
          sideOffset={4}
          collisionPadding={8}
          onCloseAutoFocus={finish}
        >
          {items.map((item) => (
            <DropdownMenu.Item
              key={item.label}
              className="parley-menu-item"
              data-danger={item.danger}
              data-checked={item.checked}
              onSelect={() => {
                chosen.current = item.onSelect
              }}
            >
              {item.label}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}
