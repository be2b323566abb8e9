import { Inbox, X } from 'lucide-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { text } from '../text.ts'
import { IconButton } from './IconButton.tsx'
import { useReturnFocus } from './use-return-focus.ts'

const skeletonDelay = 300

/** Placeholders in the shape of what is to come; nothing for the first 300 ms. */
export function Skeleton({ kind, count }: { readonly kind: 'row' | 'message'; readonly count: number }) {
  const [shown, setShown] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), skeletonDelay)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div className="parley-skeletons" data-kind={kind} aria-busy="true">
      <span className="parley-hidden">{text('loading')}</span>
      {shown &&
        Array.from({ length: count }, (_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no identity
          <div key={index} className="parley-skeleton" aria-hidden="true">
            <span className="parley-skeleton-disc" />
            <span className="parley-skeleton-lines">
              <span />
              <span />
            </span>
          </div>
        ))}
    </div>
  )
}

export interface EmptyStateProps {
  readonly title: string
  readonly hint?: string
  readonly action?: string
  readonly onAction?: () => void
  readonly children?: ReactNode
}

/** Says that there is nothing, and what one can do. */
export function EmptyState({ title, hint, action, onAction, children }: EmptyStateProps) {
  return (
    <div className="parley-empty">
      <Inbox size={40} strokeWidth={1.25} aria-hidden="true" />
      <p className="parley-empty-title">{title}</p>
      {hint !== undefined && <p className="parley-empty-hint">{hint}</p>}
      {children}
      {action !== undefined && (
        <button type="button" className="parley-button parley-button-primary" onClick={onAction}>
          {action}
        </button>
      )}
    </div>
  )
}

export interface ErrorCardProps {
  readonly title: string
  readonly error: Error | null
  readonly onRetry: () => void
  /** The way out where the list is not beside it. */
  readonly onBack?: () => void
}

/** Says what failed, that nothing is lost, and offers to try again. */
export function ErrorCard({ title, error, onRetry, onBack }: ErrorCardProps) {
  const retry = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (document.activeElement === document.body) retry.current?.focus({ preventScroll: true })
  }, [])
  return (
    <div className="parley-error" role="alert">
      <p className="parley-error-title">{title}</p>
      <p className="parley-error-hint">{text('whatIsSafe', { reason: error?.message ?? '' })}</p>
      <div className="parley-error-buttons">
        <button ref={retry} type="button" className="parley-button" onClick={onRetry}>
          {text('retry')}
        </button>
        {onBack && (
          <button type="button" className="parley-button parley-back" onClick={onBack}>
            {text('toConversations')}
          </button>
        )}
      </div>
    </div>
  )
}

export interface FailureNoticeProps {
  readonly failure: string | null
  readonly onDismiss: () => void
}

function Notice({ failure, onDismiss }: FailureNoticeProps) {
  useReturnFocus()
  return (
    <div className="parley-notice" data-testid="failure-notice">
      <p className="parley-failed">{failure}</p>
      <IconButton label={text('dismiss')} onClick={onDismiss}>
        <X size={16} aria-hidden="true" />
      </IconButton>
    </div>
  )
}

/** What was asked for and refused, over what is below it until it is dismissed. It is announced when it fails. */
export function FailureNotice(props: FailureNoticeProps) {
  return props.failure === null ? null : <Notice {...props} />
}

export interface RetryLineProps {
  readonly sentence: string
  readonly onRetry: () => void
}

/** Says what could not be loaded, and offers to try again. */
export function RetryLine({ sentence, onRetry }: RetryLineProps) {
  return (
    <p className="parley-failed">
      {sentence}
      <button type="button" className="parley-link" onClick={onRetry}>
        {text('retry')}
      </button>
    </p>
  )
}
