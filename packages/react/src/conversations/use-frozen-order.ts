import { useEffect, useRef, useState } from 'react'

/** How long the order stays after the pointer has moved or a key was pressed, milliseconds. */
const heldBy = { pointer: 10_000, key: 2_000 } as const

/** An order that may be held while somebody aims at a row. */
export interface FrozenOrder {
  /** What to show: what was there stands where it stood, what was loaded at the end since follows. */
  readonly shown: readonly string[]
  /** How many have moved up, or come, and are not shown at their new place yet. */
  readonly updates: number
  /** The person aims: nothing moves for a while. */
  readonly hold: (by: keyof typeof heldBy) => void
  /** Shows everything at its place. */
  readonly apply: () => void
}

/** Splits what is there now: what was bumped to the front, and what stands behind all that was there. */
function compare(ids: readonly string[], held: readonly string[]): { bumped: number; behind: readonly string[] } {
  const places = new Map(held.map((id, index) => [id, index]))
  const known = ids.findLastIndex((id) => places.has(id))
  let bumped = known + 1
  for (let next = Infinity; bumped > 0; bumped -= 1) {
    const place = places.get(ids[bumped - 1] ?? '') ?? Infinity
    if (place >= next) break
    next = place
  }
  return { bumped, behind: ids.slice(known + 1) }
}

/**
 * The order of a list that does not change under whoever aims at a row.
 * @param ids the rows in their true order
 * @param list which list it is; another one is shown as it is
 */
export function useFrozenOrder(ids: readonly string[], list: string): FrozenOrder {
  const [held, setHeld] = useState<{ readonly list: string; readonly ids: readonly string[] } | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const current = held?.list === list ? held.ids : null
  const apply = () => {
    clearTimeout(timer.current)
    setHeld(null)
  }
  const hold = (by: keyof typeof heldBy) => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setHeld(null), heldBy[by])
    if (current === null) setHeld({ list, ids })
  }
  if (current === null) return { shown: ids, updates: 0, hold, apply }
  const { bumped, behind } = compare(ids, current)
  const there = new Set(ids)
  return { shown: [...current.filter((id) => there.has(id)), ...behind], updates: bumped, hold, apply }
}
