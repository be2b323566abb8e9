import type { Connection, State } from '@parley/client'
import { CloudOff, RefreshCw, Wifi } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { announce } from '../announcer/announce.ts'
import { now } from '../clock.ts'
import { useClient, useSelect } from '../provider.tsx'
import { text } from '../text.ts'

const grace = 2_000
const backFor = 3_000
const tick = 500

type Shown = 'nothing' | 'reconnecting' | 'offline' | 'back'

function isDown(status: Connection['status']): boolean {
  return status === 'reconnecting' || status === 'offline'
}

function queuedCount(state: State): number {
  return Object.values(state.outbox).reduce(
    (sum, list) => sum + list.filter((each) => each.status !== 'failed').length,
    0,
  )
}

/** What the banner shows: nothing for the first two seconds, and for three seconds that all is well again. */
function useShown(status: Connection['status']): Shown {
  const [shown, setShown] = useState<Shown>('nothing')
  const wasShown = useRef(false)
  const down = isDown(status)
  useEffect(() => {
    if (down) {
      const timer = setTimeout(
        () => {
          wasShown.current = true
          setShown(status === 'offline' ? 'offline' : 'reconnecting')
        },
        wasShown.current ? 0 : grace,
      )
      return () => clearTimeout(timer)
    }
    if (status !== 'online') return
    if (wasShown.current) setShown('back')
    wasShown.current = false
    const timer = setTimeout(() => setShown('nothing'), backFor)
    return () => clearTimeout(timer)
  }, [down, status])
  return shown
}

function useSecondsUntil(moment: number | null): number {
  const [seconds, setSeconds] = useState(0)
  useEffect(() => {
    if (moment === null) return
    const update = () => setSeconds(Math.max(0, Math.ceil((moment - now()) / 1000)))
    update()
    const timer = setInterval(update, tick)
    return () => clearInterval(timer)
  }, [moment])
  return seconds
}

function TryNow() {
  const client = useClient()
  return (
    <button type="button" className="parley-link" onClick={() => client.reconnectNow()}>
      {text('tryNow')}
    </button>
  )
}

/** Tells how the connection stands, over the conversation, without pushing it. */
export function ConnectionBanner() {
  const connection = useSelect((state) => state.connection)
  const queued = useSelect(queuedCount)
  const shown = useShown(connection.status)
  const seconds = useSecondsUntil('retryAt' in connection ? connection.retryAt : null)
  useEffect(() => {
    if (shown === 'reconnecting') announce(text('announcedReconnecting'))
    if (shown === 'offline') announce(text('announcedOffline'))
    if (shown === 'back') announce(text('announcedOnline'))
  }, [shown])
  return (
    <section
      className="parley-banner"
      aria-label={text('connection')}
      data-testid="connection-banner"
      data-state={shown === 'nothing' ? 'online' : shown}
      data-shown={shown !== 'nothing'}
    >
      {shown === 'reconnecting' && (
        <>
          <RefreshCw size={14} aria-hidden="true" />
          <span>{seconds > 0 ? text('reconnecting', { seconds }) : text('reconnectingNow')}</span>
          <TryNow />
        </>
      )}
      {shown === 'offline' && (
        <>
          <CloudOff size={14} aria-hidden="true" />
          <span>{queued > 0 ? text('offlineQueued', { count: queued }) : text('offlineBanner')}</span>
          <TryNow />
        </>
      )}
      {shown === 'back' && (
        <>
          <Wifi size={14} aria-hidden="true" />
          <span>{text('backOnline')}</span>
        </>
      )}
    </section>
  )
}
