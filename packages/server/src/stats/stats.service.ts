import { ParleyError, type Stats } from '@parley/protocol'
import { LRUCache } from 'lru-cache'
import type { Context, Services } from '../context.ts'
import { statement } from '../db/statement.ts'

/** Answers what the actor's workspace amounts to. */
export type ReadStats = (ctx: Context) => Promise<Stats>

type Counts = Pick<Stats, 'users' | 'conversations' | 'messages'>

const count = statement(
  'stats-count',
  `select
     (select count(*) from users where workspace_id = $1 and deactivated_at is null) as users,
     (select count(*) from conversations where workspace_id = $1) as conversations,
     (select count(*) from messages where workspace_id = $1 and kind <> 'system' and deleted_at is null) as messages`,
)

/** Counting reads every message: however often it is asked for, it is done once in this time, milliseconds. */
const countInterval = 10_000
const workspacesRemembered = 1_000

function cacheStats({ cache }: Context): Stats['cache'] {
  const { entries, here, shared, misses } = cache.counts()
  const hits = here + shared
  return { entries, hits, misses, hitRate: hits + misses === 0 ? null : hits / (hits + misses) }
}

/**
 * Counts what is in a workspace, for its administrators.
 * @param socketsOf open sockets of a workspace at this server
 * @returns a function that throws ParleyError `forbidden` for everybody else
 */
export function createStats(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  socketsOf: (id: string) => number,
): ReadStats {
  const counted = new LRUCache<string, Counts>({
    max: workspacesRemembered,
    ttl: countInterval,
    perf: { now: clock },
    fetchMethod: async (workspaceId) => {
      const scope = { kind: 'system', workspaceId } as const
      const [row] = await db.read<Counts>(scope, count, [workspaceId])
      return row
    },
  })
  return async (ctx) => {
    const { role, workspaceId } = ctx.actor
    if (role !== 'admin') throw new ParleyError('forbidden')
    const counts = await counted.forceFetch(workspaceId)
    return { ...counts, sockets: socketsOf(workspaceId), cache: cacheStats(ctx) }
  }
}
