import type { Logger } from 'pino'
import type { Database } from './database.ts'
import { statement } from './statement.ts'

const interval = 1_000

const analyzeYoung = statement('analyze-young', 'select analyze_young()')

/**
 * Keeps what the planner knows of small tables up to date while they grow; what goes wrong is tried again.
 * @returns how to stop
 */
export function watchYoungTables(db: Database, log: Logger): () => void {
  let busy = false
  const look = async () => {
    if (busy) return
    busy = true
    try {
      await db.transaction('write', { kind: 'system', workspaceId: '' }, (tx) => tx.query(analyzeYoung))
    } catch (error) {
      log.debug({ error }, 'the sizes of tables cannot be looked at for now')
    }
    busy = false
  }
  const timer = setInterval(() => void look(), interval)
  return () => clearInterval(timer)
}
