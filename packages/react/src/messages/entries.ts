import type { Row } from '@parley/client'
import type { Audience } from '@parley/protocol'
import { sameDay } from '../dates.ts'

/** A row as it is laid out: with what stands above it, and whether it begins a group. */
export interface Entry {
  readonly key: string
  readonly row: Row
  readonly seq: number | null
  readonly senderId: string
  readonly audience: Audience
  readonly at: string
  readonly system: boolean
  readonly startsDay: boolean
  readonly startsGroup: boolean
  /** Whether the status is shown: on the last of a run with the same one, and always when something is wrong. */
  readonly showsStatus: boolean
  readonly isFirstNew: boolean
}

const groupWithin = 5 * 60 * 1000
const groupLength = 20

type Facts = Pick<Entry, 'row' | 'seq' | 'senderId' | 'audience' | 'at' | 'system'>

function factsOf(row: Row, ownId: string): Facts {
  const { message, pending } = row
  return {
    row,
    seq: message?.seq ?? null,
    senderId: message?.senderId ?? ownId,
    audience: message?.audience ?? pending?.audience ?? 'everyone',
    at: message?.createdAt ?? pending?.createdAt ?? '',
    system: message?.kind === 'system',
  }
}

function continues(previous: Facts, facts: Facts): boolean {
  if (previous.system || facts.system || facts.row.message?.quote || facts.row.pending?.quote) return false
  if (previous.senderId !== facts.senderId || previous.audience !== facts.audience) return false
  return Date.parse(facts.at) - Date.parse(previous.at) < groupWithin
}

function statusShown(facts: Facts, next: Facts | undefined): boolean {
  const { status } = facts.row
  if (status === null) return false
  if (status === 'failed' || status === 'queued') return true
  return next?.row.status !== status
}

type Known = ReadonlyMap<string, Entry>

function remembered(known: Known, entry: Entry): Entry {
  const before = known.get(entry.key)
  const names = ['row', 'startsDay', 'startsGroup', 'showsStatus', 'isFirstNew'] as const
  return before && names.every((name) => before[name] === entry[name]) ? before : entry
}

/** How many rows come with this one into a group: those of its own when it began one before, else itself. */
function weightOf(known: Known, all: readonly Facts[], index: number): number {
  const began = (at: number) => known.get((all[at] as Facts).row.key)?.startsGroup ?? false
  if (!began(index)) return 1
  let end = index + 1
  while (end < all.length && !began(end) && continues(all[end - 1] as Facts, all[end] as Facts)) end += 1
  return end - index
}

/**
 * Lays rows out: days, groups of one sender within five minutes, the first new message, statuses. A long run stays divided where it was when
 * older messages come before it.
 * @param rows messages in order, then those on their way
 * @param ownId whose view it is
 * @param newAfter the read mark when the conversation was opened; null for no divider
 * @param before how they were laid out last: an entry that has not changed is the same object
 */
export function layOut(
  rows: readonly Row[],
  ownId: string,
  newAfter: number | null,
  before: readonly Entry[] = [],
): Entry[] {
  const known = new Map(before.map((entry) => [entry.key, entry]))
  const all = rows.map((row) => factsOf(row, ownId))
  let length = 0
  let divided = newAfter === null
  return all.map((facts, index) => {
    const previous = all[index - 1]
    const startsDay = !previous || !sameDay(previous.at, facts.at)
    const isNew = facts.seq !== null && newAfter !== null && facts.seq > newAfter
    const isFirstNew = !divided && isNew && facts.senderId !== ownId && !facts.system
    divided ||= isFirstNew
    const follows = previous && !startsDay && !isFirstNew && continues(previous, facts)
    const grouped = follows && length + weightOf(known, all, index) <= groupLength
    length = grouped ? length + 1 : 1
    return remembered(known, {
      ...facts,
      key: facts.row.key,
      startsDay,
      startsGroup: !grouped,
      showsStatus: statusShown(facts, all[index + 1]),
      isFirstNew,
    })
  })
}
