import type { CommandInput, CommandName, DurableEvent, EphemeralOf, EphemeralType, EventType } from '@parley/protocol'
import { ParleyError } from '@parley/protocol'
import { type Clock, Stopwatch } from './clock.ts'
import type { Link } from './connection.ts'
import type { Credentials } from './credentials.ts'
import { toParleyError } from './http-errors.ts'
import { Liveness } from './liveness.ts'
import type { PresenceSignals } from './presence.ts'
import type { Reads } from './reads.ts'
import type { Resume } from './resume.ts'
import { type OpenSocket, openSocket } from './socket.ts'
import type { Sync } from './sync.ts'
import type { TypingSignals } from './typing.ts'

/** What the live connection is made of. */
export interface LiveParts {
  readonly serverUrl: string
  readonly credentials: Credentials
  readonly clock: Clock
  readonly sync: Sync
  readonly resume: Resume
  readonly reads: Reads
  readonly typing: TypingSignals
  readonly presence: PresenceSignals
  /** As whom to connect. */
  readonly viewer: () => string | null
  /** The server has ended the session. */
  readonly onSessionEnded: (reason: EphemeralOf<'session-ended'>['reason']) => void
  /** The token is about to end. */
  readonly onRenewal: () => void
}

/** A socket in use, with what watches over it. */
interface Attached {
  readonly socket: OpenSocket
  readonly liveness: Liveness
}

const compareInterval = 5_000

type Handlers = { readonly [Type in EphemeralType]: (payload: EphemeralOf<Type>) => void }

const durable: Readonly<Record<EventType, true>> = {
  'conversation-created': true,
  'conversation-updated': true,
  'participant-added': true,
  'participant-updated': true,
  'participant-removed': true,
  'new-message': true,
  'message-updated': true,
  'message-deleted': true,
}

/** Opens sockets, catches up on them, and hands what they carry to whom it concerns. */
export class Live {
  readonly #parts: LiveParts
  readonly #handlers: Handlers
  #attached: Attached | null = null
  #ended = false
  readonly #sinceComparison: Stopwatch

  constructor(parts: LiveParts) {
    this.#parts = parts
    this.#sinceComparison = new Stopwatch(parts.clock)
    const { reads, typing, presence } = parts
    this.#handlers = {
      'user-typing': (payload) => typing.started(payload),
      'user-stopped-typing': (payload) => typing.stopped(payload),
      'user-joined': (payload) => presence.joined(payload),
      'user-left': (payload) => presence.left(payload),
      'message-read': (payload) => reads.moved(payload, 'readSeq'),
      'message-delivered': (payload) => reads.moved(payload, 'deliveredSeq'),
      behind: () => this.compare(true),
      'session-ended': ({ reason }) => {
        this.#ended = reason !== 'expired'
        parts.onSessionEnded(reason)
      },
    }
  }

  /**
   * Opens a socket and catches up on it.
   * @throws ParleyError `unauthenticated` when the server knows nobody here, `viewer_changed` when it knows somebody else
   */
  async dial(): Promise<Link> {
    this.#ended = false
    const { clock, resume, credentials, onRenewal } = this.#parts
    const attached = await this.#attach(true)
    try {
      await resume.run(attached.socket.command, true)
    } catch (error) {
      this.#detach(attached)
      throw error
    }
    const renewIn = credentials.renewIn()
    const cancelRenewal = renewIn === null ? () => {} : clock.after(renewIn, onRenewal)
    const gone = attached.socket.gone.then(() => {
      cancelRenewal()
      this.#detach(attached)
      return this.#ended ? ('ended' as const) : ('lost' as const)
    })
    return { gone, close: () => attached.socket.close() }
  }

  /** Tells the server something that may be lost. */
  tell<Name extends Exclude<CommandName, 'resume'>>(name: Name, input: CommandInput<Name>): void {
    this.#attached?.socket.command(name, input).catch(() => {})
  }

  /** Somebody looks again, or the network is back: is the connection alive, and is anything missing? */
  wake(): void {
    this.#attached?.liveness.check()
    if (this.#sinceComparison.elapsed() >= compareInterval) this.compare()
  }

  /**
   * Compares positions with the server. One that does not answer costs the connection: the next one begins with it.
   * @param marksMissed whether the server has let marks go that were for this connection
   */
  compare(marksMissed = false): void {
    const attached = this.#attached
    if (!attached) return
    this.#sinceComparison.restart()
    attached.liveness.event()
    this.#parts.resume.run(attached.socket.command, marksMissed).catch((error: unknown) => {
      if (toParleyError(error).code === 'unavailable') attached.socket.close()
    })
  }

  /** @param again whether a refused token may be replaced by another one */
  async #attach(again: boolean): Promise<Attached> {
    const { serverUrl, credentials, clock, viewer } = this.#parts
    const token = await credentials.token()
    const liveness = new Liveness(clock, {
      onDead: () => this.#attached?.socket.close(),
      onSilence: () => this.compare(),
    })
    try {
      const socket = await openSocket({
        serverUrl,
        token,
        viewer: viewer(),
        clock,
        onFrame: () => liveness.frame(),
        onEvent: (name, payload) => this.#hear(liveness, name, payload),
      })
      this.#attached = { socket, liveness }
      return this.#attached
    } catch (error) {
      liveness.stop()
      const refused = error instanceof ParleyError && error.code === 'unauthenticated'
      if (!refused || token === null || !again) throw error
      credentials.refuse(token)
      return this.#attach(false)
    }
  }

  #detach(attached: Attached): void {
    attached.liveness.stop()
    attached.socket.close()
    if (this.#attached === attached) this.#attached = null
  }

  #hear(liveness: Liveness, name: string, payload: unknown): void {
    if (Object.hasOwn(durable, name)) {
      liveness.event()
      this.#parts.sync.receive(payload as DurableEvent)
    } else if (Object.hasOwn(this.#handlers, name)) {
      const handle = this.#handlers[name as EphemeralType] as (payload: unknown) => void
      handle(payload)
    }
  }
}
