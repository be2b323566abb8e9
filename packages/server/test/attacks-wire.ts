import { connect } from 'node:net'

/** What came back from a connection that was written to by hand. */
export interface Heard {
  /** Everything that came, all answers together. */
  readonly text: string
  /** The status of each answer, in order. */
  readonly statuses: readonly number[]
  /** Whether the server ended the connection by itself. */
  readonly ended: boolean
}

const statusLine = /^HTTP\/1\.1 (\d{3}) /gm

/**
 * Writes bytes to the server's port as they are, and listens until the server ends the connection or stays silent.
 * @param silence how long to wait without hearing anything, ms
 */
export function tell(serverUrl: string, bytes: string | Uint8Array, silence = 400): Promise<Heard> {
  const { port, hostname } = new URL(serverUrl)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    let ended = false
    const finish = () => {
      socket.destroy()
      resolve({ text, statuses: [...text.matchAll(statusLine)].map(([, status]) => Number(status)), ended })
    }
    socket.setTimeout(silence, finish)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      ended = true
      finish()
    })
    socket.write(bytes)
  })
}

/** A request as text. */
export function requestText(method: string, path: string, headers: readonly string[], body = ''): string {
  return `${method} ${path} HTTP/1.1\r\n${['host: test', ...headers].join('\r\n')}\r\n\r\n${body}`
}
