/** An event on its way to sockets. */
export interface Outgoing {
  readonly type: string
  readonly payload: object
}

/** An event as it goes over the wire, serialized once for all its sockets. */
export interface Frame extends Outgoing {
  /** A whole WebSocket frame with the event as a Socket.IO packet. */
  readonly bytes: Buffer
}

const finalText = 0x81

/** A text as one unmasked WebSocket frame (RFC 6455, 5.2). */
function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const bytes = Buffer.allocUnsafe(header + length)
  bytes[0] = finalText
  if (header === 2) bytes[1] = length
  else if (header === 4) {
    bytes[1] = 126
    bytes.writeUInt16BE(length, 2)
  } else {
    bytes[1] = 127
    bytes.writeBigUInt64BE(BigInt(length), 2)
  }
  bytes.write(text, header)
  return bytes
}

/** Serializes an event: an Engine.IO message (4) with a Socket.IO event (2) of the default namespace. */
export function frameOf({ type, payload }: Outgoing): Frame {
  return { type, payload, bytes: textFrame(`42${JSON.stringify([type, payload])}`) }
}

/** Serializes the answer to a command: an Engine.IO message (4) with a Socket.IO acknowledgement (3) of the command's number. */
export function answerFrame(id: number, body: object): Buffer {
  return textFrame(`43${id}[${JSON.stringify(body)}]`)
}
