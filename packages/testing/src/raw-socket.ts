import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A frame to be put on the wire, wrong in whatever way. */
export interface RawFrame {
  readonly opcode?: number
  readonly fin?: boolean
  /** The three reserved bits, 0 to 7. */
  readonly reserved?: number
  readonly masked?: boolean
  readonly payload: Uint8Array | string
  /** The length to announce; the payload's own when left out. */
  readonly announced?: number
}

/** A WebSocket made by hand: it may break every rule, and stop reading. */
export interface RawSocket {
  /** The text frames that came. */
  readonly texts: readonly string[]
  /** The code of the close frame, if one came. */
  readonly closeCode: number | undefined
  readonly ended: boolean
  send(frame: RawFrame): void
  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void
  /** Sends a Socket.IO command; the answer comes as a text that starts with `43` and the number. */
  command(number: number, name: string, input: unknown): void
  stopReading(): void
  readOn(): void
  /** Waits until a text fits, among those that came and those to come. */
  text(fits: (text: string) => boolean, limit?: number): Promise<string>
  /** Waits until the server has ended the connection. */
  gone(limit?: number): Promise<void>
  destroy(): void
}

const pollInterval = 5

function lengthOf(length: number): { small: number; rest: Buffer } {
  if (length < 126) return { small: length, rest: Buffer.alloc(0) }
  if (length < 65_536) {
    const rest = Buffer.alloc(2)
    rest.writeUInt16BE(length)
    return { small: 126, rest }
  }
  const rest = Buffer.alloc(8)
  rest.writeBigUInt64BE(BigInt(length))
  return { small: 127, rest }
}

function encode({ opcode = 1, fin = true, reserved = 0, masked = true, payload, announced }: RawFrame): Buffer {
  const body = Buffer.from(payload as string)
  const { small, rest } = lengthOf(announced ?? body.length)
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode
  const head = Buffer.concat([Buffer.from([first, (masked ? 0x80 : 0) | small]), rest])
  if (!masked) return Buffer.concat([head, body])
  const key = randomBytes(4)
  return Buffer.concat([head, key, body.map((byte, index) => byte ^ (key[index % 4] ?? 0))])
}

/** Takes whole frames of the server off the front of what was received. */
function decode(bytes: Buffer): { frames: { opcode: number; body: Buffer }[]; rest: Buffer } {
  const frames: { opcode: number; body: Buffer }[] = []
  let at = 0
  while (bytes.length - at >= 2) {
    const small = (bytes[at + 1] ?? 0) & 0x7f
    const extra = small === 127 ? 8 : small === 126 ? 2 : 0
    if (bytes.length - at < 2 + extra) break
    const length =
      extra === 8 ? Number(bytes.readBigUInt64BE(at + 2)) : extra === 2 ? bytes.readUInt16BE(at + 2) : small
    const start = at + 2 + extra
    if (bytes.length < start + length) break
    frames.push({ opcode: (bytes[at] ?? 0) & 0x0f, body: bytes.subarray(start, start + length) })
    at = start + length
  }
  return { frames, rest: bytes.subarray(at) }
}

class HandMadeSocket implements RawSocket {
  readonly texts: string[] = []
  closeCode: number | undefined
  ended = false
  readonly #socket: Socket
  #received = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.ended = true
    })
  }

  send(frame: RawFrame): void {
    this.write(encode(frame))
  }

  write(bytes: Uint8Array): void {
    if (!this.ended) this.#socket.write(bytes)
  }

  command(number: number, name: string, input: unknown): void {
    this.send({ payload: `42${number}${JSON.stringify([name, input])}` })
  }

  stopReading(): void {
    this.#socket.pause()
  }

  readOn(): void {
    this.#socket.resume()
  }

  async text(fits: (text: string) => boolean, limit = 10_000): Promise<string> {
    const deadline = performance.now() + limit
    for (;;) {
      const found = this.texts.find(fits)
      if (found !== undefined) return found
      if (performance.now() > deadline)
        throw new Error(`The text did not come; the last was ${this.texts.at(-1)?.slice(0, 200)}`)
      await sleep(pollInterval)
    }
  }

  async gone(limit = 10_000): Promise<void> {
    const deadline = performance.now() + limit
    while (!this.ended) {
      if (performance.now() > deadline) throw new Error('The server keeps the connection')
      await sleep(pollInterval)
    }
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    const { frames, rest } = decode(Buffer.concat([this.#received, chunk]))
    this.#received = Buffer.from(rest)
    for (const { opcode, body } of frames) {
      if (opcode === 1) this.#text(body.toString())
      if (opcode === 8 && body.length >= 2) this.closeCode = body.readUInt16BE(0)
    }
  }

  #text(text: string): void {
    this.texts.push(text)
    if (text === '2') this.send({ payload: '3' })
  }
}

function upgrade(url: URL): string {
  const path = '/socket.io/?EIO=4&transport=websocket'
  const lines = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  const key = `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`
  return `GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\n${[...lines, key].join('\r\n')}\r\n\r\n`
}

/**
 * Opens a WebSocket by hand, up to the point where the server awaits who it is.
 * @param serverUrl the server
 * @param from the address it comes from, when it matters
 */
export async function openRawSocket(serverUrl: string, from?: string): Promise<RawSocket> {
  const url = new URL(serverUrl)
  const socket = connect({ port: Number(url.port), host: url.hostname, ...(from && { localAddress: from }) })
  socket.write(upgrade(url))
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('data', (chunk) => {
      const end = chunk.indexOf('\r\n\r\n') + 4
      const [status = ''] = chunk.subarray(0, end).toString().split('\r\n')
      if (!status.startsWith('HTTP/1.1 101')) reject(new Error(`The upgrade was refused: ${status}`))
      else resolve(new HandMadeSocket(socket))
      if (chunk.length > end) socket.unshift(chunk.subarray(end))
    })
  })
}

/** Opens a WebSocket by hand and signs in on it. */
export async function openRawAs(serverUrl: string, token: string): Promise<RawSocket> {
  const socket = await openRawSocket(serverUrl)
  socket.send({ payload: `40${JSON.stringify({ token })}` })
  await socket.text((text) => text.startsWith('40'))
  return socket
}
