import type { Timeline } from '@parley/client'
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { VirtualizerHandle } from 'virtua'
import { useClient, useSelect } from '../provider.tsx'
import type { Entry } from './entries.ts'
import { useStart } from './use-start.ts'

const bottomWithin = 64
const prefetchViewports = 2

interface AnchorInput {
  readonly conversationId: string
  readonly entries: readonly Entry[]
  readonly timeline: Timeline | undefined
  readonly scroller: RefObject<HTMLDivElement | null>
  readonly ownId: string
  /** How far the conversation has come. */
  readonly head: number
}

/** An end of what is loaded. */
type End = 'before' | 'after'

/** The ends beyond which there are messages that could not be loaded. */
type Stuck = Readonly<Record<End, boolean>>

const nowhere: Stuck = { before: false, after: false }

/** Where the reader is, and how the list keeps them there. */
export interface Anchor {
  readonly handle: RefObject<VirtualizerHandle | null>
  /** The entries to mount now. */
  readonly shown: readonly Entry[]
  /** `bottom` follows what comes, `free` stays on what is read. */
  readonly mode: 'bottom' | 'free'
  /** More than a viewport from the end. */
  readonly away: boolean
  /** Messages of others that came in below. */
  readonly below: number
  readonly shift: boolean
  readonly onScroll: () => void
  readonly stuck: Stuck
  readonly retry: () => void
  /** Fails when what is newest cannot be loaded; then the reader stays where he is. */
  readonly toLatest: () => Promise<void>
  /** Brings a row into view with as little movement as needed. */
  readonly show: (index: number) => void
  /** Centres the message at a position once it is there. */
  readonly reveal: (seq: number) => void
}

function indexOfKey(entries: readonly Entry[], entry: Entry | undefined): number {
  return entry === undefined ? -1 : entries.findIndex(({ key }) => key === entry.key)
}

/**
 * What to show on the way from one list to another. The virtualizer keeps its place when one end changes at a time, so a page that comes in
 * at one end while the other end is let go is shown in two steps.
 */
function oneEndAtATime(before: readonly Entry[], after: readonly Entry[]): readonly Entry[] {
  if (before[0]?.key === after[0]?.key || before.at(-1)?.key === after.at(-1)?.key) return after
  const grown = indexOfKey(after, before[0])
  if (grown > 0) return [...after.slice(0, grown), ...before]
  const dropped = indexOfKey(before, after[0])
  return dropped > 0 ? [...before.slice(0, dropped), ...after] : after
}

interface Staged {
  readonly shown: readonly Entry[]
  readonly shift: boolean
  readonly added: readonly Entry[]
}

/** What came after the last message that was there: what is on its way stands behind that, and stays. */
function addedTo(before: readonly Entry[], shown: readonly Entry[]): readonly Entry[] {
  const last = indexOfKey(shown, before.findLast(({ seq }) => seq !== null) ?? before.at(-1))
  const known = new Set(before.map(({ key }) => key))
  return last < 0 ? [] : shown.slice(last + 1).filter(({ key }) => !known.has(key))
}

/** The entries to show now, whether they changed at the start, and what was added at the end. */
function useStaged(entries: readonly Entry[]): Staged {
  const staged = useRef<Staged>({ shown: entries, shift: false, added: [] })
  const [, showRest] = useState(0)
  const { shown: before } = staged.current
  if (before !== entries) {
    const shown = oneEndAtATime(before, entries)
    const overlap = indexOfKey(shown, before[0]) >= 0 || indexOfKey(before, shown[0]) >= 0
    staged.current = { shown, shift: overlap && before[0]?.key !== shown[0]?.key, added: addedTo(before, shown) }
  }
  const { shown } = staged.current
  useLayoutEffect(() => {
    if (shown !== entries) showRest((count) => count + 1)
  }, [shown, entries])
  return staged.current
}

interface Parts extends AnchorInput {
  readonly handle: RefObject<VirtualizerHandle | null>
  readonly pinned: RefObject<boolean>
  readonly latest: RefObject<Pick<AnchorInput, 'entries' | 'timeline'>>
}

/** Whether somebody else said something after a position. */
function isNews({ senderId, system, seq }: Entry, ownId: string, after: number): boolean {
  return senderId !== ownId && !system && (seq ?? 0) > after
}

/** Keeps the end in view while the reader is there: when messages come, and when anything changes its size. */
function useFollowing(
  { scroller, pinned, ownId, head }: Parts,
  added: readonly Entry[],
  onBelow: (count: number) => void,
) {
  const { messages } = useClient()
  const leftAt = useRef(head)
  // Not by the virtualizer: it would scroll again for 150 ms after each row it measures, whatever the reader does meanwhile.
  const pin = useCallback(() => {
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight
  }, [scroller])

  useLayoutEffect(() => {
    const mine = added.some(({ key }) => key === messages.lastSent)
    if (mine) pinned.current = true
    if (pinned.current) pin()
    else onBelow(added.filter((entry) => isNews(entry, ownId, leftAt.current)).length)
  }, [added, ownId, messages, pin, pinned, onBelow])

  useLayoutEffect(() => {
    if (pinned.current) leftAt.current = head
  })

  useLayoutEffect(() => {
    const element = scroller.current
    if (!element) return
    const observer = new ResizeObserver(() => pinned.current && pin())
    observer.observe(element)
    for (const child of element.children) observer.observe(child)
    return () => observer.disconnect()
  }, [scroller, pin, pinned])
  return pin
}

/** Ways to go somewhere in the list. */
function useTravel({ conversationId, handle, pinned, latest }: Parts, pin: () => void) {
  const { messages } = useClient()
  const reveal = useCallback(
    (seq: number) => {
      requestAnimationFrame(() => {
        const index = latest.current.entries.findIndex((entry) => entry.seq === seq)
        if (index < 0) return
        pinned.current = false
        handle.current?.scrollToIndex(index, { align: 'center' })
      })
    },
    [handle, latest, pinned],
  )
  const toLatest = useCallback(async () => {
    pinned.current = true
    try {
      await messages.loadLatest(conversationId)
      pinned.current = true
      requestAnimationFrame(pin)
    } catch (error) {
      pinned.current = false
      throw error
    }
  }, [messages, conversationId, pin, pinned])
  const show = useCallback((index: number) => handle.current?.scrollToIndex(index, { align: 'nearest' }), [handle])
  return { reveal, toLatest, show }
}

/** Who sends from the middle of the history wants to see what he sent: it stands at the end. */
function useOwnSends({ conversationId, latest }: Parts, toLatest: () => Promise<void>): void {
  const { messages } = useClient()
  const sent = useSelect((state) => state.outbox[conversationId]?.at(-1)?.clientKey)
  const before = useRef(sent)
  useEffect(() => {
    const isNew = sent !== undefined && sent !== before.current && sent === messages.lastSent
    before.current = sent
    if (isNew && latest.current.timeline?.hasAfter) toLatest().catch(() => {})
  }, [sent, messages, latest, toLatest])
}

/** Loads the messages beyond either end of what is loaded; after a failure when asked to, and when something has moved or the connection is back. */
function useBeyond({ conversationId, timeline }: Pick<AnchorInput, 'conversationId' | 'timeline'>) {
  const { messages } = useClient()
  const online = useSelect((state) => state.connection.status === 'online')
  const [stuck, setStuck] = useState(nowhere)
  const retry = useCallback(() => setStuck(nowhere), [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: each of them is a reason to try again
  useEffect(retry, [online, timeline?.items])
  const loadBeyond = useCallback(
    (end: End) => {
      if (stuck[end]) return
      const page = end === 'before' ? messages.loadBefore(conversationId) : messages.loadAfter(conversationId)
      page.catch(() => setStuck((known) => ({ ...known, [end]: true })))
    },
    [messages, conversationId, stuck],
  )
  return { stuck, retry, loadBeyond }
}

/**
 * The anchor engine of the message list: at the bottom it follows, elsewhere what is read stays where it is, and pages load
 * before their edge is reached.
 */
export function useAnchor(input: AnchorInput): Anchor {
  const { entries, timeline } = input
  const handle = useRef<VirtualizerHandle>(null)
  const [mode, setMode] = useState<Anchor['mode']>('bottom')
  const [away, setAway] = useState(false)
  const [below, setBelow] = useState(0)
  const pinned = useRef(!timeline?.hasAfter)
  const offset = useRef(0)
  const { shown, shift, added } = useStaged(entries)
  const latest = useRef({ entries: shown, timeline })
  latest.current = { entries: shown, timeline }
  const parts = { ...input, handle, pinned, latest }
  const onBelow = useCallback((count: number) => setBelow((before) => before + count), [])
  const remember = useStart(parts, shown)
  const pin = useFollowing(parts, added, onBelow)
  const travel = useTravel(parts, pin)
  useOwnSends(parts, travel.toLatest)
  const { stuck, retry, loadBeyond } = useBeyond(input)

  const onScroll = useCallback(() => {
    const list = handle.current
    if (!list) return
    const { scrollOffset, scrollSize, viewportSize } = list
    const toEnd = scrollSize - viewportSize - scrollOffset
    const { timeline: current } = latest.current
    const atEnd = toEnd <= bottomWithin && !current?.hasAfter
    const movedUp = scrollOffset < offset.current
    offset.current = scrollOffset
    pinned.current = atEnd || (pinned.current && !movedUp && !current?.hasAfter)
    remember(latest.current.entries)
    setMode(pinned.current ? 'bottom' : 'free')
    setAway(toEnd > viewportSize || current?.hasAfter === true)
    if (atEnd) setBelow(0)
    const near = viewportSize * prefetchViewports
    if (scrollOffset < near && current?.hasBefore) loadBeyond('before')
    if (toEnd < near && current?.hasAfter) loadBeyond('after')
  }, [loadBeyond, remember])

  // biome-ignore lint/correctness/useExhaustiveDependencies: a page that came in may leave the reader near an edge again
  useLayoutEffect(() => {
    const frame = requestAnimationFrame(onScroll)
    return () => cancelAnimationFrame(frame)
  }, [shown, onScroll])

  return { handle, shown, mode, away, below, shift, onScroll, stuck, retry, ...travel }
}
