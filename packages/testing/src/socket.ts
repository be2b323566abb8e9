import {
  type CommandInput,
  type CommandName,
  type CommandOutput,
  commands,
  type DurableEvent,
  type ErrorBody,
  type ErrorCode,
  ephemeralEvents,
  events,
  ParleyError,
} from '@parley/protocol'
import { io, type Socket } from 'socket.io-client'

/** One frame a socket received. */
export interface Frame {
  readonly name: string
  readonly payload: unknown
}

/** A connected socket that remembers everything it received, and holds each frame against the protocol's strict schema. */
export interface TestSocket {
  readonly frames: readonly Frame[]
  readonly connected: boolean
  /** The durable events of a conversation, or of all, in the order they came. */
  events(conversationId?: string): DurableEvent[]
  /** The frames of a name. */
  named(name: string): unknown[]
  command<Name extends CommandName>(name: Name, input: CommandInput<Name>): Promise<CommandOutput<Name>>
  /** A command as it is, with or without an input; answers whatever comes back. */
  commandRaw(name: string, ...input: readonly unknown[]): Promise<unknown>
  /** Hands over every frame from now on, in the order they come. */
  listen(listener: (frame: Frame) => void): void
  /** Waits until a frame fits, among those that came and those to come. */
  frame(fits: (frame: Frame) => boolean): Promise<Frame>
  /** Waits until the durable event at this position of a conversation has come. */
  reached(conversationId: string, seq: number): Promise<void>
  /** Waits until the server has closed the socket. */
  closed(): Promise<void>
  /** Closes it, whatever it received. */
  drop(): void
  /** Closes it. Throws when a frame did not match the protocol. */
  close(): void
}

const patience = 10_000

/** Whether a frame's name is that of a durable event. */
export function isDurable(name: string): name is keyof typeof events {
  return Object.hasOwn(events, name)
}

function schemaOf(name: string) {
  if (isDurable(name)) return events[name]
  return Object.hasOwn(ephemeralEvents, name) ? ephemeralEvents[name as keyof typeof ephemeralEvents] : undefined
}

function faultOf({ name, payload }: Frame): string | undefined {
  const schema = schemaOf(name)
  if (!schema) return `an event the protocol does not know: ${name}`
  const result = schema.safeParse(payload)
  if (!result.success) return `${name}: ${result.error.message}`
  if (isDurable(name) && (payload as DurableEvent).prev >= (payload as DurableEvent).seq)
    return `${name}: prev not below seq`
  return undefined
}

class Recorder {
  readonly frames: Frame[] = []
  readonly faults: string[] = []
  readonly listeners: ((frame: Frame) => void)[] = []
  readonly #waiting = new Set<{ fits: (frame: Frame) => boolean; resolve: (frame: Frame) => void }>()

  record(frame: Frame): void {
    this.frames.push(frame)
    const fault = faultOf(frame)
    if (fault !== undefined) this.faults.push(fault)
    for (const listener of this.listeners) listener(frame)
    for (const waiting of this.#waiting) {
      if (!waiting.fits(frame)) continue
      this.#waiting.delete(waiting)
      waiting.resolve(frame)
    }
  }

  wait(fits: (frame: Frame) => boolean): Promise<Frame> {
    const known = this.frames.find(fits)
    if (known) return Promise.resolve(known)
    const { promise, resolve, reject } = Promise.withResolvers<Frame>()
    const waiting = { fits, resolve }
    this.#waiting.add(waiting)
    const timer = setTimeout(() => {
      this.#waiting.delete(waiting)
      const seen = this.frames.map(({ name, payload }) => `${name} ${JSON.stringify(payload)}`).slice(-10)
      reject(new Error(`The frame did not come; the last ones were:\n${seen.join('\n')}`))
    }, patience)
    return promise.finally(() => clearTimeout(timer))
  }
}

function refusalOf(answer: unknown): ErrorBody['error'] | undefined {
  return answer !== null && typeof answer === 'object' && 'error' in answer ? (answer as ErrorBody).error : undefined
}

function toTestSocket(socket: Socket, recorder: Recorder): TestSocket {
  const commandRaw = (name: string, ...input: readonly unknown[]) =>
    socket.timeout(patience).emitWithAck(name, ...input) as Promise<unknown>
  const events = (conversationId?: string) =>
    recorder.frames
      .filter(({ name }) => isDurable(name))
      .map(({ payload }) => payload as DurableEvent)
      .filter((event) => conversationId === undefined || event.conversationId === conversationId)
  return {
    frames: recorder.frames,
    get connected() {
      return socket.connected
    },
    events,
    named: (name) => recorder.frames.filter((frame) => frame.name === name).map(({ payload }) => payload),
    commandRaw,
    command: async <Name extends CommandName>(name: Name, input: CommandInput<Name>) => {
      const answer = await commandRaw(name, input)
      const refusal = refusalOf(answer)
      if (refusal) throw new ParleyError(refusal.code as ErrorCode, refusal.message, refusal.details)
      return commands[name].output.parse((answer as { ok: unknown }).ok) as CommandOutput<Name>
    },
    listen: (listener) => void recorder.listeners.push(listener),
    frame: (fits) => recorder.wait(fits),
    reached: async (conversationId, seq) => {
      await recorder.wait(({ name, payload }) => {
        return (
          isDurable(name) &&
          (payload as DurableEvent).conversationId === conversationId &&
          (payload as DurableEvent).seq >= seq
        )
      })
    },
    closed: () =>
      socket.connected ? new Promise((resolve) => socket.once('disconnect', () => resolve())) : Promise.resolve(),
    drop: () => void socket.disconnect(),
    close: () => {
      socket.disconnect()
      if (recorder.faults.length > 0) throw new Error(`Frames outside of the protocol:\n${recorder.faults.join('\n')}`)
    },
  }
}

/**
 * Opens a socket.
 * @param url the server
 * @param auth the handshake's credentials
 * @param extraHeaders headers of the upgrade
 * @throws ParleyError as the handshake was refused
 */
export async function openSocket(
  url: string,
  auth: Readonly<Record<string, unknown>>,
  extraHeaders: Readonly<Record<string, string>> = {},
): Promise<TestSocket> {
  const socket = io(url, {
    auth: { ...auth },
    extraHeaders,
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
  })
  const recorder = new Recorder()
  socket.onAny((name: string, payload: unknown) => recorder.record({ name, payload }))
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('disconnect', (reason) => reject(new Error(`The socket was closed while it opened: ${reason}`)))
    socket.once('connect_error', (error: Error & { data?: unknown }) => {
      const refusal = refusalOf(error.data)
      socket.disconnect()
      reject(refusal ? new ParleyError(refusal.code, refusal.message, refusal.details) : error)
    })
  })
  return toTestSocket(socket, recorder)
}
