import { useEffect, useRef, useState } from 'react'
import { announce } from '../announcer/announce.ts'
import { sinceStart } from '../clock.ts'
import { useSelect } from '../provider.tsx'
import { text } from '../text.ts'
import type { Entry } from './entries.ts'

const namedAtOnce = 3
const spokenLength = 200
/** Arrivals are said once nothing has come for so long, milliseconds, but after the longer time at the latest. */
const quiet = 500
const longest = 3_000

/** Gathers what comes at once: few messages are said one by one, many as their number. */
function gathering() {
  let sentences: string[] = []
  let began = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const say = () => {
    const all = sentences
    sentences = []
    if (all.length > namedAtOnce) announce(text('announcedMessages', { count: all.length }))
    else for (const sentence of all) announce(sentence)
  }
  return {
    add: (fresh: readonly string[]) => {
      if (fresh.length === 0) return
      if (sentences.length === 0) began = sinceStart()
      sentences.push(...fresh)
      clearTimeout(timer)
      timer = setTimeout(say, Math.min(quiet, Math.max(0, began + longest - sinceStart())))
    },
    stop: () => clearTimeout(timer),
  }
}

/** Announces what others say from now on, wherever it stands: one's own that was not sent yet comes last. */
export function useAnnouncedArrivals(entries: readonly Entry[], ownId: string, head: number): void {
  const users = useSelect((state) => state.users)
  const heard = useRef(head)
  const [gathered] = useState(gathering)
  useEffect(() => gathered.stop, [gathered])
  useEffect(() => {
    const before = heard.current
    heard.current = head
    const fresh = entries.filter(
      ({ seq, senderId, system }) => seq !== null && seq > before && senderId !== ownId && !system,
    )
    gathered.add(
      fresh.map(({ row, senderId, audience }) => {
        const name = users[senderId]?.name ?? text('formerMember')
        const said = { name, text: (row.message?.text ?? '').slice(0, spokenLength) }
        return text(audience === 'team' ? 'announcedNote' : 'announcedMessage', said)
      }),
    )
  }, [entries, ownId, users, head, gathered])
}

/** Announces how many older messages have come, also when as many newer ones had to go for them. */
export function useOlderAnnounced(loading: boolean, entries: readonly Entry[]): void {
  const before = useRef({ loading, first: 0 })
  useEffect(() => {
    const was = before.current
    if (was.loading === loading) return
    before.current = { loading, first: entries.find(({ seq }) => seq !== null)?.seq ?? 0 }
    const older = loading ? 0 : entries.filter(({ seq }) => seq !== null && seq < was.first).length
    if (older > 0) announce(text('olderLoaded', { count: older }))
  }, [loading, entries])
}
