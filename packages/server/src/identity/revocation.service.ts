import type { Services } from '../context.ts'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'

/** How long a transaction that revokes may stay open and still be found, as PostgreSQL's interval. */
const overlap = '30 seconds'

const note = statement(
  'revocation-note',
  `insert into revocations (workspace_id, user_id) values ($1, $2)
   on conflict (workspace_id, user_id) do update set revoked_at = excluded.revoked_at`,
)

const recent = statement(
  'revocations-since',
  `select now() - interval '${overlap}' as next,
     (select coalesce(array_agg(key), '{}') from tokens_ended_since(coalesce($1::timestamptz, '-infinity'))) as keys,
     (select coalesce(jsonb_agg(jsonb_build_object('workspaceId', workspace_id, 'userId', user_id)), '[]')
      from revoked_since(coalesce($1::timestamptz, now()))) as people`,
)

/** Whose access was taken or changed. */
export interface Revoked {
  /** Keys of tokens that were signed out. */
  readonly keys: readonly string[]
  /** Whose sessions have to be looked at again. */
  readonly people: readonly { readonly workspaceId: string; readonly userId: string }[]
}

/** Notes in a running transaction, for all nodes, that sessions of a person may hold no more. */
export function noteRevocation(tx: Tx, workspaceId: string, userId: string): void {
  tx.send(note, [workspaceId, userId])
}

/**
 * Follows what is revoked, on whatever node and by whatever command.
 * @returns asks for what came since it was asked last, and some of what came before; the first time, for all tokens that would still hold
 */
export function followRevocations({ db }: Pick<Services, 'db'>): () => Promise<Revoked> {
  let since: string | null = null
  return async () => {
    const [found] = await db.read<Revoked & { next: string }>({ kind: 'system', workspaceId: '' }, recent, [since])
    since = found?.next ?? since
    return found ?? { keys: [], people: [] }
  }
}
