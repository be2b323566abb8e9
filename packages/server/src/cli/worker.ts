import cluster from 'node:cluster'
import { createLog } from '../log.ts'
import { startServer } from '../server.ts'
import { WorkerSiblings } from './worker-siblings.ts'
import type { FromWorker, ToWorker } from './worker-words.ts'

/** One of several processes that serve the same port: started, fed and stopped by the process that forked it. */

/** Whether it arrives is not asked: when the process that forked this one has ended, this one is told by its disconnect. */
function tell(word: FromWorker): void {
  if (process.connected) process.send?.(word, undefined, undefined, () => {})
}

async function serve({ config, connection }: Extract<ToWorker, { kind: 'start' }>): Promise<void> {
  const siblings = new WorkerSiblings(cluster.worker?.id ?? 0, tell)
  process.on('message', (word: ToWorker) => siblings.hear(word))
  const heard = new Promise<'stop'>((resolve) => {
    process.on('message', ({ kind }: ToWorker) => {
      if (kind === 'ping') tell({ kind: 'pong' })
      if (kind === 'stop') resolve('stop')
    })
    process.on('disconnect', () => {
      siblings.hear({ kind: 'serving', workers: [] })
      resolve('stop')
    })
  })
  const server = await startServer(config, {
    connection,
    log: createLog(config),
    siblings,
  })
  tell({ kind: 'ready', url: server.url })
  await heard
  await siblings.idle()
  await server.close()
  if (process.connected) process.disconnect()
}

// A terminal's Ctrl-C reaches every process of the group; the one that forked this one says when to stop.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.once('message', (word: ToWorker) => {
  if (word.kind !== 'start') return
  serve(word).catch((error: unknown) => {
    tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) })
    process.exitCode = 1
    if (process.connected) process.disconnect()
  })
})
