import { limits, type Role } from '@parley/protocol'
import type { Services } from '../context.ts'
import { statement } from '../db/statement.ts'
import { listMessages } from './message-pages.service.ts'

interface Busy {
  readonly workspaceId: string
  readonly conversationId: string
  readonly userId: string
  readonly role: Role
}

const findBusiest = statement(
  'warming-busiest',
  `select workspace_id as "workspaceId", conversation_id as "conversationId", user_id as "userId", role
   from busiest_conversations($1)`,
)

const mostConversations = 100

/** Half of the cache at most: a conversation may have a page for each side. */
async function readBusiest({ db, cache }: Services): Promise<Busy[]> {
  const wanted = Math.min(mostConversations, Math.floor(cache.size / 2))
  if (wanted === 0) return []
  return db.read<Busy>({ kind: 'system', workspaceId: '' }, findBusiest, [wanted])
}

/**
 * Reads the newest pages of the busiest conversations before somebody asks, one after the other, each as somebody who may see it.
 * What goes wrong is left to those who ask.
 */
export async function warmCache(services: Services): Promise<void> {
  try {
    for (const { workspaceId, conversationId, userId, role } of await readBusiest(services)) {
      const actor = { workspaceId, userId, role }
      await listMessages({ ...services, actor }, { conversationId, limit: limits.pageDefault })
    }
  } catch (error) {
    services.log.debug({ error }, 'the cache starts cold')
  }
}
