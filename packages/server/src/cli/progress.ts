import { MultiBar, Presets } from 'cli-progress'
import { inWords } from './terminal.ts'

/** How long work shows how far it is, on standard error. */
export interface Progress {
  /**
   * @param bytes how much of the file was read
   * @param messages how many messages were brought in or found there
   */
  update(bytes: number, messages: number): void
  /** Prints a line without tearing the bar. */
  line(text: string): void
  stop(): void
}

const plainInterval = 2_000
const megabyte = 1_000_000

interface Reading {
  readonly percent: string
  readonly size: string
  readonly messages: string
  readonly rate: string
}

function readingOf(bytes: number, total: number, messages: number, startedAt: number): Reading {
  const seconds = Math.max(0.001, (performance.now() - startedAt) / 1000)
  return {
    percent: `${total === 0 ? 100 : Math.floor((100 * bytes) / total)} %`,
    size: `${(bytes / megabyte).toFixed(1)} of ${(total / megabyte).toFixed(1)} MB`,
    messages: inWords(messages),
    rate: inWords(messages / seconds),
  }
}

function barProgress(total: number): Progress {
  const startedAt = performance.now()
  const bars = new MultiBar(
    {
      format: '{bar} {percent}  {size}  {messages} messages  {rate}/s  {duration_formatted}',
      stream: process.stderr,
      hideCursor: true,
      fps: 10,
    },
    Presets.shades_classic,
  )
  const bar = bars.create(total, 0, readingOf(0, total, 0, startedAt))
  return {
    update: (bytes, messages) => bar.update(bytes, readingOf(bytes, total, messages, startedAt)),
    line: (text) => bars.log(`${text}\n`),
    stop: () => bars.stop(),
  }
}

function plainProgress(total: number): Progress {
  const startedAt = performance.now()
  let printedAt = startedAt
  const line = (text: string): void => void process.stderr.write(`${text}\n`)
  return {
    update: (bytes, messages) => {
      if (performance.now() - printedAt < plainInterval) return
      printedAt = performance.now()
      const reading = readingOf(bytes, total, messages, startedAt)
      line(`${reading.percent}  ${reading.size}  ${reading.messages} messages  ${reading.rate}/s`)
    },
    line,
    stop: () => undefined,
  }
}

/**
 * Shows progress: a bar on a terminal, a plain line now and then elsewhere.
 * @param total size of the work in bytes
 */
export function startProgress(total: number): Progress {
  return process.stderr.isTTY ? barProgress(total) : plainProgress(total)
}
