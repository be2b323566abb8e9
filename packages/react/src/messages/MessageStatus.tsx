import { type Row, selectReaders } from '@parley/client'
import { Check, CheckCheck, CircleAlert, Clock, ClockAlert } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { TextKey } from '../messages.en.ts'
import { useSelect } from '../provider.tsx'
import { text } from '../text.ts'

const sendingDelay = 300

const names = {
  queued: 'statusQueued',
  sending: 'statusSending',
  sent: 'statusSent',
  delivered: 'statusDelivered',
  read: 'statusRead',
  failed: 'statusFailed',
} as const satisfies Record<NonNullable<Row['status']>, TextKey>

function Icon({ status }: { readonly status: NonNullable<Row['status']> }) {
  const props = { size: 14, 'aria-hidden': true } as const
  switch (status) {
    case 'queued':
      return <ClockAlert {...props} />
    case 'sending':
      return <Clock {...props} />
    case 'sent':
      return <Check {...props} />
    case 'delivered':
    case 'read':
      return <CheckCheck {...props} />
    case 'failed':
      return <CircleAlert {...props} />
  }
}

/** How far a message of mine has come. A quick answer never flashes the clock. */
export function MessageStatus({ row, conversationId }: { readonly row: Row; readonly conversationId: string }) {
  const { status, message } = row
  const [late, setLate] = useState(false)
  useEffect(() => {
    if (status !== 'sending') return
    const timer = setTimeout(() => setLate(true), sendingDelay)
    return () => clearTimeout(timer)
  }, [status])
  const seq = status === 'read' ? message?.seq : undefined
  const read = useSelect((state) => (seq === undefined ? 0 : selectReaders(state, conversationId, seq).read.length))
  const total = useSelect((state) => (seq === undefined ? 0 : selectReaders(state, conversationId, seq).total))
  if (status === null || (status === 'sending' && !late)) return <span className="parley-status" />
  const label = status === 'read' && total > 1 ? text('statusReadBy', { count: read, total }) : text(names[status])
  return (
    <span className="parley-status" data-status={status} title={label}>
      <Icon status={status} />
      <span className="parley-hidden">{label}</span>
    </span>
  )
}
