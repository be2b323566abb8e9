import { limits, type PresenceState } from '@parley/protocol'
import type { Clock } from '../context.ts'
import type { Delivery, Reader } from '../delivery.ts'

interface Presence {
  state: Exclude<PresenceState, 'offline'>
  leaving: NodeJS.Timeout | undefined
}

/** Somebody's presence as told to a companion. */
export interface PresenceView {
  readonly userId: string
  readonly state: PresenceState
  readonly lastSeenAt: string | null
}

function keyOf({ workspaceId, userId }: Pick<Reader, 'workspaceId' | 'userId'>): string {
  return JSON.stringify([workspaceId, userId])
}

/**
 * Who is here. Kept in memory only, told to people who share a conversation and to nobody else (delivery G13).
 * A short absence, such as a reload, is not told.
 */
export class PresenceService {
  readonly #present = new Map<string, Presence>()
  readonly #delivery: Pick<Delivery, 'companions' | 'tellCompanions'>
  readonly #clock: Clock

  constructor(delivery: Pick<Delivery, 'companions' | 'tellCompanions'>, clock: Clock) {
    this.#delivery = delivery
    this.#clock = clock
  }

  /** Somebody's sockets are placed: tells companions, unless they never saw him go. */
  arrive(reader: Reader): void {
    const known = this.#present.get(keyOf(reader))
    clearTimeout(known?.leaving)
    if (known) known.leaving = undefined
    else this.set(reader, 'online')
  }

  /** Somebody says whether he is at the screen. */
  set(reader: Reader, state: Presence['state']): void {
    const known = this.#present.get(keyOf(reader))
    if (known?.state === state) return
    if (known) known.state = state
    else this.#present.set(keyOf(reader), { state, leaving: undefined })
    this.#delivery.tellCompanions(reader, 'user-joined', { userId: reader.userId, presence: state })
  }

  /** The last socket of somebody has gone. `after` runs once he is told to be away for good. */
  leave(reader: Reader, after: () => void): void {
    const known = this.#present.get(keyOf(reader))
    if (!known) {
      after()
      return
    }
    clearTimeout(known.leaving)
    const lastSeenAt = new Date(this.#clock()).toISOString()
    known.leaving = setTimeout(() => {
      this.#present.delete(keyOf(reader))
      this.#delivery.tellCompanions(reader, 'user-left', { userId: reader.userId, lastSeenAt })
      after()
    }, limits.presenceGrace)
    known.leaving.unref()
  }

  /** Everybody present who shares a conversation with the reader. */
  companionsOf(reader: Reader): PresenceView[] {
    return this.#delivery.companions(reader.workspaceId, reader.userId).flatMap((other) => {
      const presence = this.#present.get(keyOf(other))
      return presence ? [{ userId: other.userId, state: presence.state, lastSeenAt: null }] : []
    })
  }

  close(): void {
    for (const presence of this.#present.values()) clearTimeout(presence.leaving)
  }
}
