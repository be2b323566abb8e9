/** What the surroundings tell a client. */
export interface Signals {
  /** False when the device knows that it has no network. */
  isOnline(): boolean
  /**
   * Calls back when trying again makes sense: the network is back, or somebody looks at the page again.
   * @returns stops it
   */
  onWake(run: () => void): () => void
  /** Calls back when the network has gone. */
  onOffline(run: () => void): () => void
  /** Calls back when the page may be closed any moment. */
  onHide(run: () => void): () => void
}

function listen(target: EventTarget | undefined, type: string, run: () => void): () => void {
  target?.addEventListener(type, run)
  return () => target?.removeEventListener(type, run)
}

/** The signals of a browser; silent where there is none. */
export function browserSignals(): Signals {
  const page = typeof document === 'undefined' ? undefined : document
  const frame = typeof window === 'undefined' ? undefined : window
  return {
    isOnline: () => typeof navigator === 'undefined' || navigator.onLine !== false,
    onWake: (run) => {
      const whenVisible = () => {
        if (page?.visibilityState === 'visible') run()
      }
      const stops = [
        listen(frame, 'online', run),
        listen(frame, 'focus', run),
        listen(page, 'visibilitychange', whenVisible),
      ]
      return () => {
        for (const stop of stops) stop()
      }
    },
    onOffline: (run) => listen(frame, 'offline', run),
    onHide: (run) => listen(frame, 'pagehide', run),
  }
}
