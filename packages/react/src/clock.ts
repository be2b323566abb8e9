/** Wall clock, Unix milliseconds: for showing times only. */
export function now(): number {
  return Date.now()
}

/** Time since the page opened, milliseconds: the same scale as an event's `timeStamp`. */
export function sinceStart(): number {
  return performance.now()
}

/** A key of the caller's own for a write, so that a retry is not a second one. Also where the page came over plain http. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
