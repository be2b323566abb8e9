import { basename } from 'node:path'
import { id } from '@parley/protocol'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Services } from '../context.ts'
import { type ImportCounts, importLines } from '../import/import.service.ts'
import type { Fault, ImportLine } from '../import/import-line.ts'
import type { ImportOptions } from '../import/import-plan.ts'
import { type ImportFile, openImportFile } from '../import/import-reader.ts'
import { refreshStatistics } from '../import/statistics.service.ts'
import type { ReadConfig } from './commands.ts'
import { withServices } from './database.ts'
import { CommandFailure, named } from './failure.ts'
import { startProgress } from './progress.ts'
import { counted, inWords, say } from './terminal.ts'

interface Flags {
  readonly workspace: string
  readonly name?: string
  readonly participant: readonly string[]
  readonly kind: ImportOptions['kind']
}

const help = `
One JSON object a line, plain or gzip:
  {"conversation": "support-2024", "index": 0, "at": "2024-05-01T10:00:00Z", "author": "ann", "text": "Hello"}
  {"conversation": "support-2024", "index": 1, "at": "2024-05-01T10:01:00Z", "author": "ben", "text": "Hi", "replyTo": 0}

Run it again at any time: what is there already is left as it is, so an import that was stopped goes on where it was.
A line that cannot be taken is reported with its number and reason and stops nothing; the exit code is then 1.

Examples:
  parley import history.jsonl.gz --participant usr_42
  parley import slack.jsonl --workspace acme --name slack --kind internal
`

/** How far the clock of the source may be ahead of ours, milliseconds. */
const clocksDiffer = 5 * 60 * 1_000

function parseId(value: string): string {
  if (!id.safeParse(value).success) throw new InvalidArgumentError('It must be 1 to 128 characters on one line.')
  return value
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, parseId(value)]
}

/** `archive.jsonl.gz` and `archive.jsonl` are the same source. */
function sourceOf(path: string): string {
  return basename(path)
    .replace(/\.gz$/i, '')
    .replace(/\.(jsonl|ndjson|json)$/i, '')
}

/** Ends a file early on Ctrl-C: what was read is still written, and the database is closed in order. */
async function* untilInterrupted(lines: AsyncIterable<ImportLine | Fault>, signal: AbortSignal) {
  for await (const line of lines) {
    if (signal.aborted) return
    yield line
  }
}

function summaryOf(path: string, workspace: string, counts: ImportCounts, seconds: number): string[] {
  const { read, messages, quotes, conversations, people } = counts
  const rate = inWords(read / Math.max(seconds, 0.001))
  const added = [
    counted(messages, 'message'),
    counted(conversations, 'conversation'),
    counted(people, 'person', 'people'),
    counted(quotes, 'quote'),
  ]
  return [
    `Read ${counted(read, 'message')} from ${basename(path)} in ${seconds.toFixed(1)} s (${rate}/s).`,
    read > 0 && messages + conversations + people === 0
      ? `Nothing to add to workspace ${workspace}: it is all there.`
      : `Added to workspace ${workspace}: ${added.join(', ')}.`,
  ]
}

async function importInto(
  services: Services,
  workspace: string,
  options: ImportOptions,
  file: ImportFile,
  signal: AbortSignal,
): Promise<ImportCounts> {
  const progress = startProgress(file.size)
  try {
    return await importLines(services, workspace, options, untilInterrupted(file.lines, signal), {
      onProgress: ({ read }) => progress.update(file.bytesRead(), read),
      onFault: ({ line, reason }) => progress.line(`line ${line}: ${reason}`),
    })
  } finally {
    progress.stop()
  }
}

async function importFile(config: Config, path: string, flags: Flags): Promise<void> {
  const file = await openImportFile(path, systemClock() + clocksDiffer)
  const source = flags.name ?? sourceOf(path)
  const options: ImportOptions = { source, kind: flags.kind, participants: [...new Set(flags.participant)] }
  const interrupted = new AbortController()
  process.on('SIGINT', () => interrupted.abort())
  const startedAt = performance.now()
  const counts = await withServices(config, async (services, connection) => {
    const work = importInto(services, flags.workspace, options, file, interrupted.signal)
    const done = await named(work, `There is no workspace ${flags.workspace}.`)
    if (done.messages > 0) await refreshStatistics(connection)
    return done
  })
  const seconds = (performance.now() - startedAt) / 1000
  for (const line of summaryOf(path, flags.workspace, counts, seconds)) say(line)
  if (interrupted.signal.aborted) throw new CommandFailure('Stopped before the end; run the command again to go on.')
  if (counts.faults > 0)
    throw new CommandFailure(`${counted(counts.faults, 'bad line')}, listed above; the rest is there.`)
}

/** `parley import` */
export function addImport(program: Command, readConfig: ReadConfig): void {
  program
    .command('import')
    .summary('bring in conversations from a file')
    .description('Brings in conversations of another system from a file, with their people, times, order and quotes.')
    .argument('<file>', 'JSON Lines, plain or gzip')
    .option('-w, --workspace <id>', 'where to bring them', parseId, 'default')
    .option(
      '-n, --name <source>',
      'what the source is called; the same name is the same people (default: the file name)',
      parseId,
    )
    .addOption(
      new Option('-p, --participant <user>', 'id of a user who is to see the conversations; may be given again')
        .argParser(collect)
        .default([], 'nobody'),
    )
    .addOption(
      new Option('-k, --kind <kind>', 'internal: the team only; external: with the other side')
        .choices(['internal', 'external'])
        .default('external'),
    )
    .addHelpText('after', help)
    .action((path: string, flags: Flags) => importFile(readConfig(), path, flags))
}
