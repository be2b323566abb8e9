import {
  type CommandInput,
  type CommandName,
  type CommandOutput,
  type ErrorBody,
  type ParleyError,
  protocolVersion,
} from '@parley/protocol'
import { io, type Socket } from 'socket.io-client'
import type { Clock } from './clock.ts'
import { toError, unreachable } from './http-errors.ts'

/** Sends a command over the socket and gives its answer. */
export type Command = <Name extends CommandName>(name: Name, input: CommandInput<Name>) => Promise<CommandOutput<Name>>

/** An open socket. */
export interface OpenSocket {
  readonly command: Command
  readonly gone: Promise<void>
  close(): void
}

/** How to open a socket. */
export interface SocketParts {
  readonly serverUrl: string
  /** The host's token; null for the session cookie. */
  readonly token: string | null
  /** As whom to connect; null while nobody is known. */
  readonly viewer: string | null
  readonly clock: Clock
  /** An event, durable or not, by its name on the wire. */
  readonly onEvent: (name: string, payload: unknown) => void
  /** Anything came over the wire. */
  readonly onFrame: () => void
}

const timeLimit = 15_000

type Answer = { readonly ok: never } | ErrorBody

function connectError(error: Error & { data?: unknown }): ParleyError {
  const refusal = error.data as Partial<ErrorBody> | undefined
  return refusal?.error ? toError(503, refusal, null) : unreachable('network')
}

function createSocket({ serverUrl, token, viewer }: SocketParts): Socket {
  return io(serverUrl === '' ? undefined : serverUrl, {
    auth: {
      protocol: protocolVersion,
      ...(token === null ? {} : { token }),
      ...(viewer === null ? {} : { viewer }),
    },
    autoConnect: false,
    forceNew: true,
    reconnection: false,
    timeout: timeLimit,
    transports: ['websocket', 'polling'],
    tryAllTransports: true,
    withCredentials: token === null,
  })
}

function createCommand(socket: Socket, clock: Clock): Command {
  const waiting = new Set<(error: ParleyError) => void>()
  socket.on('disconnect', () => {
    for (const fail of waiting) fail(unreachable('network'))
  })
  return (name, input) =>
    new Promise((resolve, reject) => {
      const settle = () => {
        cancel()
        waiting.delete(fail)
      }
      const fail = (error: ParleyError) => {
        settle()
        reject(error)
      }
      const cancel = clock.after(timeLimit, () => fail(unreachable('timeout')))
      waiting.add(fail)
      socket.emit(name, input, (answer: Answer) => {
        settle()
        if ('ok' in answer) resolve(answer.ok)
        else reject(toError(500, answer, null))
      })
    })
}

/**
 * Opens a socket. It never reconnects by itself.
 * @throws ParleyError `unauthenticated` when the server knows nobody here, `unavailable` when it cannot be reached
 */
export async function openSocket(parts: SocketParts): Promise<OpenSocket> {
  const socket = createSocket(parts)
  const gone = new Promise<void>((resolve) => void socket.on('disconnect', () => resolve()))
  socket.onAny((name: string, payload: unknown) => parts.onEvent(name, payload))
  await new Promise<void>((resolve, reject) => {
    const fail = (error: ParleyError) => {
      cancel()
      socket.close()
      reject(error)
    }
    const cancel = parts.clock.after(2 * timeLimit, () => fail(unreachable('timeout')))
    socket.on('connect', () => {
      cancel()
      resolve()
    })
    socket.on('connect_error', (error) => fail(connectError(error)))
    socket.on('disconnect', () => fail(unreachable('network')))
    socket.connect()
    socket.io.engine.on('packet', parts.onFrame)
  })
  return { command: createCommand(socket, parts.clock), gone, close: () => void socket.close() }
}
