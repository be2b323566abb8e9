import { Component, type ReactNode } from 'react'
import { text } from '../text.ts'

interface MessageBoundaryProps {
  readonly children: ReactNode
}

/** Keeps one message that cannot be shown from taking the list down. */
export class MessageBoundary extends Component<MessageBoundaryProps, { readonly failed: boolean }> {
  override state = { failed: false }

  static getDerivedStateFromError() {
    return { failed: true }
  }

  override render() {
    if (!this.state.failed) return this.props.children
    return <p className="parley-system">{text('cannotDisplay')}</p>
  }
}
