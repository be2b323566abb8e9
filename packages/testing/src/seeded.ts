/** Choices that one number decides: the same seed makes the same ones. */
export interface Seeded {
  /** A whole number from 0 up to, not including, a limit. */
  below(limit: number): number
  /** True in so many of a hundred cases. */
  chance(percent: number): boolean
  /** One of a list; undefined when it is empty. */
  pick<Item>(items: readonly Item[]): Item | undefined
  /** The same items in another order. */
  shuffled<Item>(items: readonly Item[]): Item[]
}

/** Mulberry32 of Tommy Ettinger: 32 bits of state, public domain. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** @param seed 0 to 2³² - 1 */
export function seeded(seed: number): Seeded {
  const random = mulberry32(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  return {
    below,
    chance: (percent) => below(100) < percent,
    pick: (items) => items[below(items.length)],
    shuffled: (items) => {
      const left = [...items]
      return items.flatMap(() => left.splice(below(left.length), 1))
    },
  }
}
