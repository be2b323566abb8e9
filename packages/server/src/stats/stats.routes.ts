import type { Stats } from '@parley/protocol'
import type { Context } from '../context.ts'
import type { ReadStats } from './stats.service.ts'

/** Operations on what the workspace amounts to. */
export function statsRoutes(readStats: ReadStats): { getStats: (ctx: Context) => Promise<{ stats: Stats }> } {
  return { getStats: async (ctx) => ({ stats: await readStats(ctx) }) }
}
