import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type Fault, type ImportLine, parseLine } from './import-line.ts'

/** The longest line that is read, in bytes; a longer one is reported and skipped without being held in memory. */
const longestLine = 256 * 1024

const lineBreak = 0x0a
const chunkSize = 256 * 1024

/** An import file, open for reading from its beginning. */
export interface ImportFile {
  /** Size on disk in bytes. */
  readonly size: number
  /** How many bytes on disk were read so far. */
  bytesRead(): number
  /** Every line in order; empty lines are left out. A damaged file ends with a fault at the line where it breaks. */
  readonly lines: AsyncIterable<ImportLine | Fault>
}

interface RawLine {
  readonly number: number
  /** Null for a line that is too long. */
  readonly bytes: Buffer | null
}

/** Cuts a stream of bytes into lines, holding at most one line. */
class Cutter {
  private number = 1
  private held: Buffer[] = []
  private heldLength = 0

  get currentLine(): number {
    return this.number
  }

  *push(chunk: Buffer): Generator<RawLine> {
    let from = 0
    for (let end = chunk.indexOf(lineBreak); end >= 0; end = chunk.indexOf(lineBreak, from)) {
      this.hold(chunk.subarray(from, end))
      yield this.take()
      from = end + 1
    }
    this.hold(chunk.subarray(from))
  }

  *end(): Generator<RawLine> {
    if (this.heldLength > 0) yield this.take()
  }

  private hold(part: Buffer): void {
    this.heldLength += part.length
    if (this.heldLength > longestLine) this.held = []
    else this.held.push(part)
  }

  private take(): RawLine {
    const bytes = this.heldLength > longestLine ? null : Buffer.concat(this.held)
    const line = { number: this.number, bytes }
    this.number += 1
    this.held = []
    this.heldLength = 0
    return line
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Buffer): string | null {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

function toLine({ number, bytes }: RawLine, latest: number): ImportLine | Fault | null {
  if (!bytes) return { line: number, reason: `longer than ${longestLine / 1024} KiB` }
  const json = decode(bytes)
  if (json === null) return { line: number, reason: 'not UTF-8' }
  return json.trim() === '' ? null : parseLine(number, json, latest)
}

function* present(lines: Iterable<RawLine>, latest: number): Generator<ImportLine | Fault> {
  for (const raw of lines) {
    const line = toLine(raw, latest)
    if (line) yield line
  }
}

async function* readLines(source: Readable, latest: number): AsyncGenerator<ImportLine | Fault> {
  const cutter = new Cutter()
  try {
    for await (const chunk of source) yield* present(cutter.push(chunk), latest)
    yield* present(cutter.end(), latest)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    yield { line: cutter.currentLine, reason: `the file is damaged from here on (${reason})` }
  }
}

async function isGzip(path: string): Promise<{ size: number; gzip: boolean }> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const start = await file.read(Buffer.alloc(2), 0, 2, 0)
    return { size, gzip: start.bytesRead === 2 && start.buffer.readUInt16BE() === 0x1f8b }
  } finally {
    await file.close()
  }
}

/**
 * Opens a file of one JSON object a line, plain or gzip; which of both is seen from its first bytes, not from its name.
 * @param path the file
 * @param latest until when messages may have been said, Unix milliseconds
 * @throws the system's error when the file cannot be opened or read
 */
export async function openImportFile(path: string, latest: number): Promise<ImportFile> {
  const { size, gzip } = await isGzip(path)
  const raw = createReadStream(path, { highWaterMark: chunkSize })
  const source = gzip ? pipeline(raw, createGunzip({ chunkSize }), () => undefined) : raw
  return { size, bytesRead: () => raw.bytesRead, lines: readLines(source, latest) }
}
