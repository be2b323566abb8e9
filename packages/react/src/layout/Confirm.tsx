import { Dialog } from 'radix-ui'
import { type RefObject, useState } from 'react'
import { useContainer } from '../provider.tsx'
import { text } from '../text.ts'

export interface ConfirmProps {
  readonly title: string
  readonly explanation: string
  readonly action: string
  /** What not doing it is called; "Cancel" when left out. */
  readonly cancel?: string
  readonly onConfirm: () => void
  readonly onClose: () => void
  /** What gets the focus afterwards, when that is not what had it before. */
  readonly returnTo?: RefObject<HTMLElement | null>
}

/** Asks before something that cannot be taken back. */
export function Confirm({ title, explanation, action, cancel, onConfirm, onClose, returnTo }: ConfirmProps) {
  const container = useContainer()
  const [opener] = useState(() => document.activeElement)
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal container={container}>
        <Dialog.Overlay className="parley-scrim" />
        <Dialog.Content
          className="parley-dialog"
          onCloseAutoFocus={(event) => {
            event.preventDefault()
            const next = returnTo?.current ?? opener
            if (next instanceof HTMLElement) next.focus()
          }}
        >
          <Dialog.Title className="parley-dialog-title">{title}</Dialog.Title>
          <Dialog.Description className="parley-dialog-text">{explanation}</Dialog.Description>
          <div className="parley-dialog-buttons">
            <button type="button" className="parley-button" onClick={onClose}>
              {cancel ?? text('cancel')}
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
