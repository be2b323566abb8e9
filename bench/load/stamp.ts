/** What a message's text tells about itself. */
export interface Stamp {
  /** When it was due, microseconds of the machine's monotonic clock. */
  readonly due: number
  /** Number of the user who sent it. */
  readonly sender: number
  /** Counts the sender's messages. */
  readonly number: number
}

const mark = '~t'
const dueDigits = 16
const senderDigits = 5
const numberDigits = 8
const textLength = 100

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

/** The text of a message: 100 characters that any receiver on this machine can compute the delay from. */
export function stamped({ due, sender, number }: Stamp): string {
  const head = mark + digits(due, dueDigits) + digits(sender, senderDigits) + digits(number, numberDigits)
  return head.padEnd(textLength, 'x')
}

/** Finds the stamp in a frame or stanza that carries such a text unchanged. */
export function readStamp(raw: string): Stamp | null {
  const at = raw.indexOf(mark)
  if (at < 0) return null
  const sender = at + mark.length + dueDigits
  const number = sender + senderDigits
  return {
    due: Number(raw.slice(at + mark.length, sender)),
    sender: Number(raw.slice(sender, number)),
    number: Number(raw.slice(number, number + numberDigits)),
  }
}

/** Microseconds of the monotonic clock, the same in every process of one machine. */
export function microseconds(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e6 + nanoseconds / 1e3
}
