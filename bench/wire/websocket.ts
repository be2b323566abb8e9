import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

const opcodes = { text: 1, close: 8, ping: 9, pong: 10 } as const
/** Masking with zeros leaves the bytes as they are: the server's work is the same, the load's is none. */
const mask = Buffer.alloc(4)

function frame(opcode: number, body: Buffer): Buffer {
  const { length } = body
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  header[0] = 0x80 | opcode
  header[1] = 0x80 | (header.length === 2 ? length : header.length === 4 ? 126 : 127)
  if (header.length === 4) header.writeUInt16BE(length, 2)
  if (header.length === 10) header.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([header, mask, body])
}

/**
 * A WebSocket client as cheap as can be: text only, no extensions, unmasked in effect. Texts come as Latin-1, which is enough to find a
 * stamp and an answer's number.
 */
export class WebSocketClient {
  onText: (text: string) => void = () => {}
  readonly #socket: Socket
  #rest: Buffer = Buffer.alloc(0)

  constructor(socket: Socket, first: Buffer) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', () => undefined)
    if (first.length > 0) setImmediate(() => this.#take(first))
  }

  send(text: string): void {
    this.#socket.write(frame(opcodes.text, Buffer.from(text)))
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= 2) {
      const small = (bytes[at + 1] ?? 0) & 0x7f
      const header = small === 127 ? 10 : small === 126 ? 4 : 2
      if (bytes.length < at + header) break
      const length =
        header === 10 ? Number(bytes.readBigUInt64BE(at + 2)) : header === 4 ? bytes.readUInt16BE(at + 2) : small
      const end = at + header + length
      if (bytes.length < end) break
      this.#frame((bytes[at] ?? 0) & 0x0f, bytes, at + header, end)
      at = end
    }
    this.#rest = bytes.subarray(at)
  }

  #frame(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === opcodes.text) this.onText(bytes.toString('latin1', start, end))
    else if (opcode === opcodes.ping) this.#socket.write(frame(opcodes.pong, bytes.subarray(start, end)))
    else if (opcode === opcodes.close) this.#socket.end()
  }
}

function request(port: number, path: string): string {
  const key = randomBytes(16).toString('base64')
  const lines = [`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, 'Upgrade: websocket', 'Connection: Upgrade']
  return [...lines, 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${key}`, '', ''].join('\r\n')
}

/**
 * Opens a WebSocket on this machine.
 * @throws Error when the server refuses
 */
export function openWebSocket(port: number, path: string): Promise<WebSocketClient> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true)
    let head = Buffer.alloc(0)
    const listen = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.off('data', listen)
      const status = head.toString('latin1', 0, end).split('\r\n')[0] ?? ''
      if (status.startsWith('HTTP/1.1 101')) resolve(new WebSocketClient(socket, head.subarray(end + 4)))
      else reject(new Error(`The upgrade was refused: ${status}`))
    }
    socket.on('data', listen)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('The connection was closed')))
    socket.write(request(port, path))
  })
}
