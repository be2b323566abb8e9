import { now } from './clock.ts'

const lookInterval = 60_000
const watchers = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

function tell(): void {
  for (const watcher of [...watchers]) watcher()
}

/**
 * Calls back each minute, and when a page that may have slept is looked at again.
 * @returns stops
 */
export function watchDay(watcher: () => void): () => void {
  if (watchers.size === 0) {
    timer = setInterval(tell, lookInterval)
    globalThis.document?.addEventListener('visibilitychange', tell)
  }
  watchers.add(watcher)
  return () => {
    watchers.delete(watcher)
    if (watchers.size > 0) return
    clearInterval(timer)
    globalThis.document?.removeEventListener('visibilitychange', tell)
  }
}

/** When the present day began here, Unix milliseconds. */
export function startOfToday(): number {
  return new Date(now()).setHours(0, 0, 0, 0)
}
