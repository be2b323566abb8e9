import type { Services } from '../context.ts'
import { statement } from '../db/statement.ts'
import type { Session } from './session.service.ts'

/** How long a transaction that ends a token may stay open and still be found, as PostgreSQL's interval. */
const overlap = '30 seconds'

const insert = statement(
  'ended-token-insert',
  'insert into ended_tokens (workspace_id, key, expires_at) values ($1, $2, $3) on conflict do nothing',
)

const sweep = statement('ended-token-sweep', 'delete from ended_tokens where workspace_id = $1 and expires_at < now()')

const recent = statement(
  'ended-tokens-since',
  `select now() - interval '${overlap}' as next, coalesce(array_agg(t.key) filter (where t.key is not null), '{}') as keys
   from (select) x left join tokens_ended_since(coalesce($1::timestamptz, '-infinity')) t on true`,
)

/** Keeps for all nodes that a token of the host was signed out; what has expired is cleared away. */
export async function endToken({ db }: Pick<Services, 'db'>, { actor, key, expiresAt }: Session): Promise<void> {
  const { workspaceId } = actor
  await db.transaction('write', { kind: 'system', workspaceId }, async (tx) => {
    await tx.query(sweep, [workspaceId])
    tx.send(insert, [workspaceId, key, new Date(expiresAt).toISOString()])
  })
}

/**
 * Follows what tokens are ended, on whatever node.
 * @returns asks for the keys of those ended since it was asked last; the first time, of all that would still hold
 */
export function endedTokens({ db }: Pick<Services, 'db'>): () => Promise<readonly string[]> {
  let since: string | null = null
  return async () => {
    const [found] = await db.read<{ next: string; keys: string[] }>({ kind: 'system', workspaceId: '' }, recent, [
      since,
    ])
    since = found?.next ?? since
    return found?.keys ?? []
  }
}
