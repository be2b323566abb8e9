/** State that can be read and watched; fits `useSyncExternalStore` as it is. */
export interface Store<Value> {
  /** The present state. The same reference until something changes. */
  getState(): Value
  /**
   * Calls the listener after changes, once for all changes of a task.
   * @returns stops watching
   */
  subscribe(listener: () => void): () => void
}

/** A store that its owner can change. */
export interface WritableStore<Value> extends Store<Value> {
  /** Replaces the state by what the function makes of it; the same reference means no change. */
  update(change: (state: Value) => Value): void
}

/**
 * Creates a store.
 * @param initial the first state
 */
export function createStore<Value>(initial: Value): WritableStore<Value> {
  let state = initial
  let announcing = false
  const listeners = new Set<() => void>()
  const announce = () => {
    announcing = false
    for (const listener of [...listeners]) listener()
  }
  return {
    getState: () => state,
    subscribe: (listener) => {
      const own = () => listener()
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    update: (change) => {
      const next = change(state)
      if (Object.is(next, state)) return
      state = next
      if (announcing) return
      announcing = true
      queueMicrotask(announce)
    },
  }
}
