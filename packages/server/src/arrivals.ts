/** What moved, and the latest arrival that had begun by then. */
interface Note {
  readonly seq: number
  readonly arrival: number
}

/**
 * How far conversations moved while people arrived: who is placed by what was read a moment ago asks here what it missed. What nobody who
 * still arrives can ask for is forgotten.
 */
export class Arrivals {
  readonly #notes = new Map<string, Note>()
  readonly #under = new Set<number>()
  #latest = 0

  /** How many conversations have moved since the earliest arrival that is under way. */
  get size(): number {
    return this.#notes.size
  }

  /** @returns a number to end the arrival by */
  begin(): number {
    this.#latest += 1
    this.#under.add(this.#latest)
    return this.#latest
  }

  /** @param arrival a number of {@link begin} */
  end(arrival: number): void {
    this.#under.delete(arrival)
    const [earliest = Infinity] = this.#under
    for (const [key, note] of this.#notes) {
      if (note.arrival >= earliest) return
      this.#notes.delete(key)
    }
  }

  /** Notes how far a conversation is known to go, while anybody arrives. */
  note(key: string, seq: number): void {
    if (this.#under.size === 0) return
    const known = this.seqOf(key)
    this.#notes.delete(key)
    this.#notes.set(key, { seq: Math.max(seq, known), arrival: this.#latest })
  }

  /** How far a conversation is known to go; 0 when nothing was noted. */
  seqOf(key: string): number {
    return this.#notes.get(key)?.seq ?? 0
  }
}
