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

const known = new WeakMap<Row, Entry>()

function remembered(entry: Entry): Entry {
  const before = known.get(entry.row)
  const names = ['startsDay', 'startsGroup', 'showsStatus', 'isFirstNew', 'seq'] as const
  if (before && names.every((name) => before[name] === entry[name])) return before
  known.set(entry.row, entry)
  return entry
}

/**
 * Lays rows out: days, groups of one sender within five minutes, the first new message, statuses.
 * @param rows messages in order, then those on their way
 * @param ownId whose view it is
 * @param newAfter the read mark when the conversation was opened; null for no divider
 */
export function layOut(rows: readonly Row[], ownId: string, newAfter: number | null): Entry[] {
  const all = rows.map((row) => factsOf(row, ownId))
  let length = 0
  let divided = newAfter === null
  return all.map((facts, index) => {
    const previous = all[index - 1]
    const startsDay = !previous || !sameDay(previous.at, facts.at)
    const isNew = facts.seq !== null && newAfter !== null && facts.seq > newAfter
    const isFirstNew = !divided && isNew && facts.senderId !== ownId && !facts.system
    divided ||= isFirstNew
    const grouped = previous && !startsDay && !isFirstNew && length < groupLength && continues(previous, facts)
    length = grouped ? length + 1 : 1
    return remembered({
      ...facts,
      key: facts.row.key,
      startsDay,
      startsGroup: !grouped,
      showsStatus: statusShown(facts, all[index + 1]),
      isFirstNew,
    })
  })
}
