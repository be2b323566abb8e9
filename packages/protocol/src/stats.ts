import { z } from 'zod'
import { operation } from './operation.ts'

const count = z.int().min(0)

export const stats = z
  .strictObject({
    users: count.describe('who were not deactivated'),
    conversations: count,
    messages: count.describe('by people, not deleted'),
    sockets: count.describe('open at the server that answers'),
    cache: z
      .strictObject({
        entries: count,
        hits: count,
        misses: count,
        hitRate: z.number().min(0).max(1).nullable().describe('null while nothing was asked for'),
      })
      .describe('of the server that answers, since it started'),
  })
  .meta({ id: 'Stats' })
export type Stats = z.infer<typeof stats>

export const getStats = operation('getStats', {
  summary: 'How much there is in the workspace, for administrators; counts may be 10 s old',
  input: z.strictObject({}),
  output: z.strictObject({ stats }),
  errors: ['forbidden'],
})
