import type { ParleyClient } from '@parley/client'
import type { ConversationSnapshot } from '@parley/protocol'
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { VirtualizerHandle } from 'virtua'
import { sinceStart } from '../clock.ts'
import { useClient, useSelect } from '../provider.tsx'
import type { Entry } from './entries.ts'

const dividerAt = 0.25
/** Frames until the rows around the place are measured. */
const settledAfter = 10
const rememberedFor = 30 * 60 * 1_000

/** Where a reader was when he left a conversation, away from its end: the row at the top edge, and how much of it was above that, pixels. */
interface Place {
  readonly key: string
  readonly above: number
  readonly left: number
}

const places = new WeakMap<ParleyClient, Map<string, Place>>()

function placesOf(client: ParleyClient): Map<string, Place> {
  const known = places.get(client) ?? new Map<string, Place>()
  places.set(client, known)
  return known
}

interface StartParts {
  readonly conversationId: string
  readonly scroller: RefObject<HTMLElement | null>
  readonly handle: RefObject<VirtualizerHandle | null>
  readonly pinned: RefObject<boolean>
}

/** The row to begin with, and where it stands from the top edge, pixels; null for the end. */
function startOf(list: VirtualizerHandle, viewport: number, entries: readonly Entry[], place: Place | undefined) {
  const firstNew = entries.findIndex(({ isFirstNew }) => isFirstNew)
  if (firstNew >= 0) {
    const fits = list.scrollSize - list.getItemOffset(firstNew) <= viewport
    return fits ? null : { index: firstNew, offset: -viewport * dividerAt }
  }
  const index = place ? entries.findIndex(({ key }) => key === place.key) : -1
  return place && index >= 0 ? { index, offset: place.above } : null
}

/**
 * Begins at the first new message if that is more than a viewport above the end, else where the reader was half an hour ago at most, else at the
 * end; and remembers where he leaves.
 * @returns to be called with each scroll
 */
export function useStart({ conversationId, scroller, handle, pinned }: StartParts, shown: readonly Entry[]) {
  const client = useClient()
  const begun = useRef(false)
  const place = useRef<Place | null>(null)
  useLayoutEffect(() => {
    const [list, element] = [handle.current, scroller.current]
    if (begun.current || !list || !element || shown.length === 0) return
    begun.current = true
    const left = placesOf(client).get(conversationId)
    const recent = left && sinceStart() - left.left < rememberedFor ? left : undefined
    const start = startOf(list, element.clientHeight, shown, recent)
    if (!start) return
    pinned.current = false
    // Not by the virtualizer, which would come back to it for a while after each row it measures, wherever the reader went meanwhile.
    const settle = (frames: number) => {
      if (pinned.current || frames === 0) return
      element.scrollTop = list.getItemOffset(start.index) + start.offset
      requestAnimationFrame(() => settle(frames - 1))
    }
    settle(settledAfter)
  }, [client, conversationId, shown, scroller, handle, pinned])
  useEffect(() => {
    const known = placesOf(client)
    return () => {
      if (place.current) known.set(conversationId, place.current)
      else known.delete(conversationId)
    }
  }, [client, conversationId])
  return useCallback(
    (entries: readonly Entry[]): void => {
      const list = handle.current
      if (!list) return
      const index = list.findItemIndex(list.scrollOffset)
      const entry = pinned.current ? undefined : entries[index]
      const above = list.scrollOffset - list.getItemOffset(index)
      place.current = entry ? { key: entry.key, above, left: sinceStart() } : null
    },
    [handle, pinned],
  )
}

/**
 * Makes the first new message present before the list is shown, where more is new than one page holds; when that fails the newest are shown.
 * @param ready whether messages are loaded
 * @returns whether the list can be shown
 */
export function useFirstNew(conversation: ConversationSnapshot, ready: boolean): boolean {
  const { messages } = useClient()
  const { id } = conversation.conversation
  const ownId = useSelect((state) => state.session.me?.user.id)
  const timeline = useSelect((state) => state.timelines[id])
  const [settled, setSettled] = useState(false)
  const readSeq = conversation.participants.find(({ userId }) => userId === ownId)?.readSeq
  const first = timeline?.items[0]?.seq ?? 0
  const isMissing = conversation.unread > 0 && readSeq !== undefined && timeline?.hasBefore === true && first > readSeq
  const wanted = ready && !settled && isMissing ? readSeq + 1 : null
  useEffect(() => {
    if (!ready || settled) return
    if (wanted === null) return setSettled(true)
    messages.loadAround(id, wanted).then(
      () => setSettled(true),
      () => setSettled(true),
    )
  }, [messages, id, ready, settled, wanted])
  return ready && (settled || wanted === null)
}
