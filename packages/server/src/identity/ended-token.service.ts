import type { Services } from '../context.ts'
import { statement } from '../db/statement.ts'
import { noteRevocation } from './revocation.service.ts'
import type { Session } from './session.service.ts'

const insert = statement(
  'ended-token-insert',
  'insert into ended_tokens (workspace_id, key, expires_at) values ($1, $2, $3) on conflict do nothing',
)

const sweep = statement('ended-token-sweep', 'delete from ended_tokens where workspace_id = $1 and expires_at < now()')

/** Keeps for all nodes that a token of the host was signed out; what has expired is cleared away. */
export async function endToken({ db }: Pick<Services, 'db'>, { actor, key, expiresAt }: Session): Promise<void> {
  const { workspaceId, userId } = actor
  await db.transaction('write', { kind: 'system', workspaceId }, async (tx) => {
    await tx.query(sweep, [workspaceId])
    noteRevocation(tx, workspaceId, userId)
    tx.send(insert, [workspaceId, key, new Date(expiresAt).toISOString()])
  })
}
