/** How urgent something is. */
export type Politeness = 'polite' | 'assertive'
type Listener = (text: string, politeness: Politeness) => void

const listeners = new Set<Listener>()

/** Says something to screen readers, in the one announcer of the page. */
export function announce(text: string, politeness: Politeness = 'polite'): void {
  for (const listener of listeners) listener(text, politeness)
}

/** Hears what is to be said. */
export function onAnnounce(listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}
