import type { Socket as TcpSocket } from 'node:net'
import type { Socket } from 'socket.io'
import { steadyClock } from './clock.ts'
import { answerFrame, type Frame } from './realtime-frame.ts'

/** Where the events for one socket go in. */
export interface Outlet {
  push(frame: Frame): void
  /** Whether the socket reads what it is sent. One that does not is behind from now on, and has to catch up or is closed. */
  keepsUp(): boolean
}

/** An answer to a command on its way. */
interface Answer {
  readonly id: number
  readonly body: object
  /** Socket.IO's own way. */
  readonly send: (body: object) => void
}

/** The part of a Socket.IO socket that makes the callback of a command. */
interface Answering {
  ack(id: number): (body: object) => void
}

/** The parts of an Engine.IO connection that tell what waits, and that carry bytes. */
interface Wire {
  readonly readyState: string
  readonly writeBuffer: readonly unknown[]
  readonly transport: {
    readonly name: string
    readonly socket?: { readonly bufferedAmount: number; readonly _socket?: TcpSocket | null }
  }
}

/** What a reader may cost, in bytes and events, and how long he may take to catch up, in ms. */
const bounds = {
  events: 256,
  bytes: 256 * 1024,
  bytesAtLeast: 32 * 1024,
  bytesOfAll: 128 * 1024 * 1024,
  patience: 20_000,
  check: 250,
} as const

/** More sockets than `many` are not written to in one turn, but for so long: those that have just become due, then those left over, in ms. */
const pace = { many: 256, due: 3, left: 1 } as const

/** What outlets count. */
export interface OutletCounts {
  delivered(frames: number): void
  behind(): void
}

/** What writes to sockets. */
interface Writer {
  schedule(outlet: SocketOutlet): void
  admits(outlet: SocketOutlet): boolean
}

class SocketOutlet implements Outlet {
  readonly socket: Socket
  readonly #writer: Writer
  #answers: Answer[] = []
  #frames: Frame[] = []
  /** Bytes of frames that went Socket.IO's own way since nothing waited there. */
  #aside = 0

  constructor(socket: Socket, writer: Writer) {
    this.socket = socket
    this.#writer = writer
    this.#takeAnswers(socket as unknown as Answering)
  }

  push(frame: Frame): void {
    this.#frames.push(frame)
    this.#writer.schedule(this)
  }

  keepsUp(): boolean {
    return this.#writer.admits(this)
  }

  /** Answers to commands wait here for the events of the same turn, to leave together with them. */
  #takeAnswers(socket: Answering): void {
    const own = socket.ack.bind(socket)
    socket.ack = (id) => {
      const send = own(id)
      return (body) => {
        this.#answers.push({ id, body, send })
        this.#writer.schedule(this)
      }
    }
  }

  takeFrames(): Frame[] {
    const frames = this.#frames
    this.#frames = []
    return frames
  }

  takeAnswers(): Answer[] {
    const answers = this.#answers
    this.#answers = []
    return answers
  }

  /** Hands frames to Socket.IO, behind what waits there. */
  emit(frames: readonly Frame[]): void {
    for (const { type, payload, bytes } of frames) {
      this.#aside += bytes.length
      this.socket.emit(type, payload)
    }
  }

  get #wire(): Wire {
    return this.socket.conn as unknown as Wire
  }

  get queuedEvents(): number {
    return this.#wire.writeBuffer.length
  }

  get queuedBytes(): number {
    const { writeBuffer, transport } = this.#wire
    if (writeBuffer.length === 0) this.#aside = 0
    return (transport.socket?.bufferedAmount ?? 0) + this.#aside
  }

  /** The connection itself, when nothing stands between: then whole frames may be written to it. */
  get direct(): TcpSocket | null {
    const { readyState, writeBuffer, transport } = this.#wire
    const ready = readyState === 'open' && transport.name === 'websocket' && writeBuffer.length === 0
    return (ready && transport.socket?._socket) || null
  }
}

function isSame(a: readonly Frame[], b: readonly Frame[]): boolean {
  return a.length === b.length && a.every((frame, index) => frame === b[index])
}

/**
 * Carries events and answers to sockets: what is due to a socket in one turn goes out in one write, and equal writes share their bytes.
 *
 * Readers that do not keep up cost a bounded buffer (delivery G8): nothing more is queued for them but answers, so nothing more should be done
 * for them either, and once what is queued has gone they are told that they are behind, to fetch what they missed. Who does not drain in time
 * is closed.
 */
export class Outlets {
  readonly #counts: OutletCounts
  readonly #due = new Set<SocketOutlet>()
  readonly #left = new Set<SocketOutlet>()
  readonly #lagging = new Set<SocketOutlet>()
  readonly #behind = new Map<SocketOutlet, { waited: number }>()
  #joined: { frames: readonly Frame[]; bytes: Buffer } = { frames: [], bytes: Buffer.alloc(0) }
  #timer: NodeJS.Timeout | undefined
  readonly #writer: Writer = {
    schedule: (outlet) => this.#schedule(outlet),
    admits: (outlet) => this.#admits(outlet),
  }

  constructor(counts: OutletCounts) {
    this.#counts = counts
  }

  /** The outlet of a socket that has connected; forgotten when it disconnects. */
  open(socket: Socket): Outlet {
    const outlet = new SocketOutlet(socket, this.#writer)
    socket.on('disconnect', () => this.#forget(outlet))
    return outlet
  }

  /** Sends what is due at once, such as before the sockets are closed. */
  flush(): void {
    for (const outlets of [this.#left, this.#due]) this.#writeTo(outlets, Number.POSITIVE_INFINITY)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #schedule(outlet: SocketOutlet): void {
    if (this.#due.size + this.#left.size === 0) setImmediate(() => this.#turn())
    if (!this.#left.has(outlet)) this.#due.add(outlet)
  }

  /** Who becomes due meanwhile goes before those that are left. */
  #turn(): void {
    this.#writeTo(this.#due, this.#due.size > pace.many ? pace.due : Number.POSITIVE_INFINITY)
    this.#writeTo(this.#left, pace.left)
    for (const outlet of this.#due) this.#left.add(outlet)
    this.#due.clear()
    if (this.#left.size > 0) setImmediate(() => this.#turn())
  }

  #writeTo(outlets: Set<SocketOutlet>, time: number): void {
    const end = steadyClock() + time
    for (const outlet of outlets) {
      if (steadyClock() > end) return
      outlets.delete(outlet)
      this.#write(outlet)
    }
  }

  #write(outlet: SocketOutlet): void {
    const answers = outlet.takeAnswers()
    const due = outlet.takeFrames()
    const frames = due.length > 0 && this.#admits(outlet) ? due : []
    const { direct } = outlet
    if (direct) this.#writeBytes(direct, answers, frames)
    else {
      for (const { body, send } of answers) send(body)
      outlet.emit(frames)
    }
    if (outlet.queuedBytes > 0) this.#lagging.add(outlet)
    else this.#lagging.delete(outlet)
    this.#counts.delivered(frames.length)
  }

  #writeBytes(socket: TcpSocket, answers: readonly Answer[], frames: readonly Frame[]): void {
    if (answers.length === 0) {
      if (frames.length > 0) socket.write(this.#bytesOf(frames))
      return
    }
    const said = answers.map(({ id, body }) => answerFrame(id, body))
    socket.write(Buffer.concat([...said, ...frames.map(({ bytes }) => bytes)]))
  }

  #bytesOf(frames: readonly Frame[]): Buffer {
    const [first] = frames
    if (first && frames.length === 1) return first.bytes
    if (!isSame(frames, this.#joined.frames)) {
      this.#joined = { frames, bytes: Buffer.concat(frames.map(({ bytes }) => bytes)) }
    }
    return this.#joined.bytes
  }

  /** The more readers lag, the less each may have waiting, so that all of them together stay bounded. */
  #isFull(outlet: SocketOutlet): boolean {
    const share = bounds.bytesOfAll / Math.max(1, this.#lagging.size)
    const bytes = Math.max(bounds.bytesAtLeast, Math.min(bounds.bytes, share))
    return outlet.queuedEvents > bounds.events || outlet.queuedBytes > bytes
  }

  #admits(outlet: SocketOutlet): boolean {
    if (this.#behind.has(outlet) || !outlet.socket.connected) return false
    if (!this.#isFull(outlet)) return true
    this.#behind.set(outlet, { waited: 0 })
    this.#counts.behind()
    this.#timer ??= setInterval(() => this.#check(), bounds.check)
    return false
  }

  #forget(outlet: SocketOutlet): void {
    this.#due.delete(outlet)
    this.#left.delete(outlet)
    this.#lagging.delete(outlet)
    this.#behind.delete(outlet)
    if (this.#behind.size === 0) this.close()
  }

  #check(): void {
    for (const [outlet, entry] of this.#behind) {
      entry.waited += bounds.check
      if (outlet.queuedEvents === 0 && outlet.queuedBytes === 0) {
        this.#forget(outlet)
        outlet.socket.emit('behind', {})
      } else if (entry.waited >= bounds.patience) {
        this.#forget(outlet)
        outlet.socket.disconnect(true)
      }
    }
  }
}
