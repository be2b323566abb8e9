import { type DurableEvent, limits, type Message, type ParleyError, type Quote } from '@parley/protocol'
import type { Timeline } from './state.ts'

/** How many messages of a conversation are kept in memory. */
const timelineLimit = 400

/** A page of messages, as `listMessages` gives it. */
export interface MessagePage {
  readonly items: readonly Message[]
  readonly hasBefore: boolean
  readonly hasAfter: boolean
}

/** Where a page was asked for. `before` and `after` hold the position of the message it must join. */
export type PagePlace =
  | { readonly at: 'latest' }
  | { readonly at: 'around'; readonly seq: number }
  | { readonly at: 'before'; readonly seq: number }
  | { readonly at: 'after'; readonly seq: number }

/** A timeline of which nothing is loaded yet. */
export const emptyTimeline: Timeline = {
  items: [],
  hasBefore: false,
  hasAfter: false,
  status: 'loading',
  loadingBefore: false,
  loadingAfter: false,
  error: null,
  near: 'end',
}

/** The beginning of a text, as long as a quote may be, counted in characters as the database counts them. */
function quoteText(text: string): string {
  return Array.from(text).slice(0, limits.quoteLength).join('')
}

/** What a message that cites this one shows of it. */
export function quoteOf({ id, seq, senderId, audience, text, deletedAt }: Message): Quote {
  return { messageId: id, seq, senderId, audience, text: quoteText(text), deleted: deletedAt !== null }
}

/** A message after a change of some message: that one, or with its quote of it brought up to date, or as it was. */
export function afterChange(message: Message, changed: Message): Message {
  if (message.id === changed.id) return changed
  return message.quote?.messageId === changed.id ? { ...message, quote: quoteOf(changed) } : message
}

/** Messages without the oldest or newest that are too many. */
function trimmed(timeline: Timeline): Timeline {
  const { items, near } = timeline
  if (items.length <= timelineLimit) return timeline
  return near === 'start'
    ? { ...timeline, items: items.slice(0, timelineLimit), hasAfter: true }
    : { ...timeline, items: items.slice(-timelineLimit), hasBefore: true }
}

/** One ascending line of both; where both hold a message, the first one's is taken. */
function merge(preferred: readonly Message[], others: readonly Message[]): Message[] {
  const known = new Set(preferred.map(({ id }) => id))
  return [...preferred, ...others.filter(({ id }) => !known.has(id))].sort((a, b) => a.seq - b.seq)
}

function insert(timeline: Timeline, message: Message): Timeline {
  const { items, hasBefore, hasAfter } = timeline
  const [first, last] = [items[0], items.at(-1)]
  const beyond = last ? message.seq > last.seq : true
  if (hasAfter && beyond) return timeline
  if (hasBefore && first && message.seq < first.seq) return timeline
  return trimmed({ ...timeline, items: beyond ? [...items, message] : merge(items, [message]) })
}

/** Puts a message in its place, or brings it up to date; messages outside of what is loaded change nothing. */
export function putMessage(timeline: Timeline, message: Message): Timeline {
  if (timeline.status !== 'ready') return timeline
  const known = timeline.items.some(({ id }) => id === message.id)
  return known ? replaceMessage(timeline, message) : insert(timeline, message)
}

/** Brings a loaded message, and all that cite it, up to date. */
export function replaceMessage(timeline: Timeline, message: Message): Timeline {
  const concerned = timeline.items.some(({ id, quote }) => id === message.id || quote?.messageId === message.id)
  if (!concerned) return timeline
  return { ...timeline, items: timeline.items.map((item) => afterChange(item, message)) }
}

/** A timeline after an event; events that do not concern messages change nothing. */
export function foldTimeline(timeline: Timeline, event: DurableEvent): Timeline {
  switch (event.type) {
    case 'new-message':
      return putMessage(timeline, event.data.message)
    case 'message-updated':
    case 'message-deleted':
      return replaceMessage(timeline, event.data.message)
    case 'conversation-created':
    case 'conversation-updated':
    case 'participant-added':
    case 'participant-updated':
    case 'participant-removed':
      return timeline
  }
}

/** A timeline that holds nothing but a page. */
export function pageTimeline(page: MessagePage, place: PagePlace): Timeline {
  const { items, hasBefore, hasAfter } = page
  const near = place.at === 'before' || place.at === 'around' ? 'start' : 'end'
  return { ...emptyTimeline, items, hasBefore, hasAfter, status: 'ready', near }
}

/** What a page and a loaded stretch that touch make together. The page speaks for the ends it reaches. */
function joined(timeline: Timeline, page: MessagePage, place: PagePlace): Timeline {
  const [first, last] = [timeline.items[0]?.seq ?? 0, timeline.items.at(-1)?.seq ?? 0]
  const reachesStart = place.at !== 'after' && (page.items[0]?.seq ?? first) <= first
  const reachesEnd = place.at !== 'before' && (page.items.at(-1)?.seq ?? last) >= last
  return trimmed({
    ...timeline,
    items: merge(timeline.items, page.items),
    hasBefore: reachesStart ? page.hasBefore : timeline.hasBefore,
    hasAfter: reachesEnd ? page.hasAfter : timeline.hasAfter,
    error: null,
    near: place.at === 'before' || (place.at === 'around' && !reachesEnd) ? 'start' : 'end',
  })
}

function touches(timeline: Timeline, page: MessagePage, place: PagePlace): boolean {
  if (place.at === 'before') return timeline.items[0]?.seq === place.seq
  if (place.at === 'after') return timeline.items.at(-1)?.seq === place.seq
  const loaded = new Set(timeline.items.map(({ id }) => id))
  return page.items.some(({ id }) => loaded.has(id))
}

/**
 * A timeline with one more page, read at the position the timeline stands at. A page that does not touch what is loaded replaces it; one
 * that was to join an end that has moved since is left out.
 */
export function joinPage(timeline: Timeline | undefined, page: MessagePage, place: PagePlace): Timeline {
  if (timeline?.status !== 'ready') return trimmed(pageTimeline(page, place))
  if (touches(timeline, page, place)) return joined(timeline, page, place)
  return place.at === 'before' || place.at === 'after' ? timeline : trimmed(pageTimeline(page, place))
}

/** A timeline whose loading failed. */
export function failedTimeline(timeline: Timeline, error: ParleyError): Timeline {
  return { ...timeline, error, status: timeline.status === 'loading' ? 'error' : timeline.status }
}
