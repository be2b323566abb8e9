import { limits } from '@parley/protocol'
import type { Services } from '../context.ts'
import { statement } from '../db/statement.ts'

const interval = 60 * 60 * 1_000
const atOnce = 5_000

/** By the clock that dated the changes: that of a server may be wrong. */
const forget = statement('changes-forget', 'select forget_changes(now() - make_interval(secs => $1), $2) as found')

const everyWorkspace = { kind: 'system', workspaceId: '' } as const

async function forgetOldChanges({ db }: Pick<Services, 'db'>, stopped: AbortSignal): Promise<number> {
  for (let total = 0; ; ) {
    const [row] = await db.transaction('write', everyWorkspace, (tx) => {
      return tx.query<{ found: number }>(forget, [limits.changesKept / 1000, atOnce])
    })
    const found = row?.found ?? 0
    total += found
    if (found < atOnce || stopped.aborted) return total
  }
}

/**
 * Forgets every hour what is older than the log is kept, in all workspaces; what it led to stays. What goes wrong is tried again.
 * @returns how to do it now, which tells how many changes were old, and how to stop
 */
export function watchOldChanges(services: Pick<Services, 'db' | 'log'>) {
  const stop = new AbortController()
  const look = () => forgetOldChanges(services, stop.signal)
  const timer = setInterval(() => {
    look().catch((error: unknown) => services.log.warn({ error }, 'old changes stay for now'))
  }, interval)
  const close = () => {
    clearInterval(timer)
    stop.abort()
  }
  return { look, close }
}
