import type { ParleyError } from '@parley/protocol'
import { backoff } from './backoff.ts'
import type { Clock, Random } from './clock.ts'
import { toParleyError } from './http-errors.ts'
import type { Signals } from './signals.ts'
import type { Connection as ConnectionState } from './state.ts'

/** A live link to the server. */
export interface Link {
  /** Resolves when it has gone: `lost` asks for another one, `ended` does not. */
  readonly gone: Promise<'lost' | 'ended'>
  close(): void
}

/** What a connection is made of. */
export interface ConnectionParts {
  readonly clock: Clock
  readonly random: Random
  readonly signals: Signals
  /**
   * Connects and catches up.
   * @throws ParleyError; `unauthenticated` ends the connection, anything else is tried again
   */
  readonly dial: () => Promise<Link>
  readonly onState: (state: ConnectionState) => void
  /** The server knows nobody here any more. */
  readonly onRefused: () => void
}

const triesBeforeOffline = 2

/** Keeps a link alive: dials, waits with full jitter after failures, dials at once when the surroundings say so. */
export class Connection {
  readonly #parts: ConnectionParts
  readonly #stopListening: readonly (() => void)[]
  /** Rises with every start and stop; what belongs to an older run ends. */
  #run = 0
  #running = false
  #failures = 0
  #link: Link | null = null
  #endPause: (() => void) | null = null
  #skipPause = false
  #retryAt = 0
  #error: ParleyError | null = null

  constructor(parts: ConnectionParts) {
    this.#parts = parts
    this.#stopListening = [
      parts.signals.onWake(() => this.now()),
      parts.signals.onOffline(() => this.#endPause && this.#show()),
    ]
  }

  /** Connects, and stays connected. */
  start(): void {
    if (this.#running) return
    this.#running = true
    this.#run += 1
    this.#failures = 0
    this.#error = null
    this.#parts.onState({ status: 'connecting' })
    void this.#keep(this.#run)
  }

  /** Disconnects until the next start. */
  stop(): void {
    if (!this.#running) return
    this.#halt()
    this.#parts.onState({ status: 'idle' })
  }

  /** Disconnects for good. */
  close(): void {
    this.#halt()
    for (const stop of this.#stopListening) stop()
    this.#parts.onState({ status: 'closed' })
  }

  /** Ends the wait for the next try. */
  now(): void {
    this.#endPause?.()
  }

  /** Replaces the link by a new one without waiting. */
  renew(): void {
    if (!this.#link) return
    this.#skipPause = true
    this.#link.close()
  }

  #halt(): void {
    this.#running = false
    this.#run += 1
    this.#endPause?.()
    this.#link?.close()
    this.#link = null
  }

  async #keep(run: number): Promise<void> {
    while (run === this.#run) {
      const ending = await this.#connect(run)
      if (run !== this.#run) return
      if (ending === 'ended') return this.stop()
      if (ending === 'refused') {
        this.stop()
        return this.#parts.onRefused()
      }
      await this.#pause()
    }
  }

  async #connect(run: number): Promise<'lost' | 'ended' | 'refused'> {
    try {
      const link = await this.#parts.dial()
      if (run !== this.#run) {
        link.close()
        return 'lost'
      }
      this.#link = link
      this.#failures = 0
      this.#error = null
      this.#parts.onState({ status: 'online' })
      return await link.gone
    } catch (thrown) {
      this.#error = toParleyError(thrown)
      this.#failures += 1
      return this.#error.code === 'unauthenticated' ? 'refused' : 'lost'
    } finally {
      if (run === this.#run) this.#link = null
    }
  }

  async #pause(): Promise<void> {
    const { clock, random } = this.#parts
    const wait = this.#skipPause ? 0 : backoff(this.#failures, random)
    this.#skipPause = false
    this.#retryAt = clock.now() + wait
    this.#show()
    if (wait === 0) return
    await new Promise<void>((resolve) => {
      const cancel = clock.after(wait, resolve)
      this.#endPause = () => {
        cancel()
        resolve()
      }
    })
    this.#endPause = null
  }

  #show(): void {
    const next = { retryAt: this.#retryAt, error: this.#error }
    const offline = this.#failures >= triesBeforeOffline || !this.#parts.signals.isOnline()
    this.#parts.onState(
      offline ? { status: 'offline', ...next } : { status: 'reconnecting', attempt: this.#failures + 1, ...next },
    )
  }
}
