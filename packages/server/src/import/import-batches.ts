import type { Fault, ImportLine } from './import-line.ts'

/** Messages that are written together, by conversation, in the order of the file. */
export type Batch = ReadonlyMap<string, readonly ImportLine[]>

/** How many messages are held before they are written, once a conversation ends. */
const wanted = 10_000

/** How many are held at most, when one conversation goes on and on. */
const most = 20_000

/** Whether a line could not be read. */
function isFault(line: ImportLine | Fault): line is Fault {
  return 'reason' in line
}

/**
 * Gathers lines into batches of bounded size. A conversation that stands in one piece and is not too long comes in one batch.
 * @param lines the file
 * @param onFault takes the lines that are no messages
 */
export async function* toBatches(
  lines: AsyncIterable<ImportLine | Fault>,
  onFault: (fault: Fault) => void,
): AsyncGenerator<Batch> {
  let batch = new Map<string, ImportLine[]>()
  let size = 0
  let current = ''
  for await (const line of lines) {
    if (isFault(line)) {
      onFault(line)
      continue
    }
    if (size >= most || (size >= wanted && line.conversation !== current)) {
      yield batch
      batch = new Map()
      size = 0
    }
    const messages = batch.get(line.conversation)
    if (messages) messages.push(line)
    else batch.set(line.conversation, [line])
    size += 1
    current = line.conversation
  }
  if (size > 0) yield batch
}
