import { z } from 'zod'
import { durableEvent } from './events.ts'
import { digits, id, seq, seqParameter } from './fields.ts'
import { limits } from './limits.ts'
import { operation } from './operation.ts'

/**
 * Changes after a cursor. `ok`: apply `items`, then stand at `seq`; `more` says to ask again.
 * `resync`: the cursor does not fit this database, or is older than its log; load afresh.
 */
export const changesPage = z
  .strictObject({
    status: z.enum(['ok', 'resync']),
    epoch: z.string(),
    items: z.array(durableEvent),
    seq,
    more: z.boolean(),
  })
  .meta({ id: 'ChangesPage' })
export type ChangesPage = z.infer<typeof changesPage>

export const listChanges = operation('listChanges', {
  summary: 'Every change after a position that the viewer may see, in order',
  input: z.strictObject({
    conversationId: id,
    after: seqParameter,
    limit: digits(z.int().min(1).max(limits.changesPage)).default(limits.changesPage),
  }),
  output: changesPage,
  errors: ['not_found'],
})
