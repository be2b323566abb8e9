import { Dialog } from 'radix-ui'
import type { RefObject } from 'react'
import { useContainer } from '../provider.tsx'
import { text } from '../text.ts'

export interface ConfirmProps {
  readonly title: string
  readonly explanation: string
  readonly action: string
  readonly onConfirm: () => void
  readonly onClose: () => void
  /** What gets the focus afterwards, when that is not what had it before. */
  readonly returnTo?: RefObject<HTMLElement | null>
}

/** Asks before something that cannot be taken back. */
export function Confirm({ title, explanation, action, onConfirm, onClose, returnTo }: ConfirmProps) {
  const container = useContainer()
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal container={container}>
        <Dialog.Overlay className="parley-scrim" />
        <Dialog.Content
          className="parley-dialog"
          onCloseAutoFocus={(event) => {
            if (!returnTo) return
            event.preventDefault()
            returnTo.current?.focus()
          }}
        >
          <Dialog.Title className="parley-dialog-title">{title}</Dialog.Title>
          <Dialog.Description className="parley-dialog-text">{explanation}</Dialog.Description>
          <div className="parley-dialog-buttons">
            <button type="button" className="parley-button" onClick={onClose}>
              {text('cancel')}
            </button>
            <button
              type="button"
              className="parley-button parley-button-danger"
              onClick={() => {
                onConfirm()
                onClose()
              }}
            >
              {action}
            </button>
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
