import { limits, ParleyError, type Role } from '@parley/protocol'
import type { Actor } from '../actor.ts'
import type { Services } from '../context.ts'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { noteRevocation } from './revocation.service.ts'
import { issueSecret, readSecret } from './secrets.ts'

/** Who is signed in, by which kind of credential, and until when. */
export interface Session {
  readonly actor: Actor
  readonly kind: 'token' | 'session'
  /** SHA-256 of the credential. */
  readonly key: string
  /** When it ends unless it is used, Unix milliseconds. */
  readonly expiresAt: number
}

interface SessionRow {
  readonly user_id: string
  readonly role: Role
  readonly expires_at: string
  readonly stale: boolean
}

const seconds = (milliseconds: number) => `make_interval(secs => ${milliseconds / 1000})`
const touchInterval = 5 * 60 * 1000

const endsAt = `least(s.last_seen_at + ${seconds(limits.sessionIdle)}, s.created_at + ${seconds(limits.sessionAbsolute)})`
const isStale = `s.last_seen_at < now() - ${seconds(touchInterval)}`
const live = `sessions s join users u on u.workspace_id = s.workspace_id and u.id = s.user_id
  and u.deactivated_at is null and ${endsAt} > now()`

const find = statement(
  'session-find',
  `select s.user_id, u.role, ${endsAt} as expires_at, ${isStale} as stale from ${live}
   where s.workspace_id = $1 and s.token_hash = $2`,
)

const findMany = statement(
  'session-find-many',
  `select s.token_hash as key, ${endsAt} > now() as live from sessions s where s.workspace_id = $1 and s.token_hash = any($2)`,
)

const touch = statement(
  'session-touch',
  `update sessions s set last_seen_at = now() where s.workspace_id = $1 and s.token_hash = $2 and ${isStale}`,
)

const insert = statement(
  'session-insert',
  `insert into sessions (workspace_id, token_hash, user_id)
   select u.workspace_id, $3, u.id from users u where u.workspace_id = $1 and u.id = $2 and u.deactivated_at is null
   returning user_id, (select role from users where workspace_id = $1 and id = $2) as role,
     now() + ${seconds(limits.sessionIdle)} as expires_at, false as stale`,
)

const sweep = statement(
  'session-sweep',
  `delete from sessions s where s.workspace_id = $1 and s.user_id = $2 and ${endsAt} <= now()`,
)

const remove = statement('session-remove', 'delete from sessions where workspace_id = $1 and token_hash = $2')

const removeAll = statement('session-remove-all', 'delete from sessions where workspace_id = $1 and user_id = $2')

function toSession(workspaceId: string, key: string, row: SessionRow): Session {
  const actor = { workspaceId, userId: row.user_id, role: row.role }
  return { actor, kind: 'session', key, expiresAt: Date.parse(row.expires_at) }
}

/**
 * Opens a session in a running transaction; the user's dead sessions are cleared away.
 * @param tx a `write` transaction in the system scope of the workspace
 * @returns the session and the value of its cookie, of which only a hash is stored; undefined for a deactivated user
 */
export async function openSession(
  tx: Tx,
  workspaceId: string,
  userId: string,
): Promise<{ session: Session; cookieValue: string } | undefined> {
  const { value, hash } = issueSecret(workspaceId)
  await tx.query(sweep, [workspaceId, userId])
  const [row] = await tx.query<SessionRow>(insert, [workspaceId, userId, hash])
  return row && { session: toSession(workspaceId, hash, row), cookieValue: value }
}

/**
 * The session of a cookie. Its use is noted at most every five minutes.
 * @throws ParleyError `unauthenticated` when it was ended, has expired, or its user is deactivated
 */
export async function findSession({ db }: Pick<Services, 'db'>, cookie: string): Promise<Session> {
  const secret = readSecret(cookie)
  if (!secret) throw new ParleyError('unauthenticated')
  const { workspaceId, hash } = secret
  const scope = { kind: 'system', workspaceId } as const
  const [row] = await db.read<SessionRow>(scope, find, [workspaceId, hash])
  if (!row) throw new ParleyError('unauthenticated')
  if (row.stale) await db.transaction('write', scope, (tx) => tx.query(touch, [workspaceId, hash]))
  return toSession(workspaceId, hash, row)
}

/** Which sessions are there, by key, and whether they still live. */
export async function readSessions(
  tx: Tx,
  workspaceId: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, boolean>> {
  const rows = await tx.query<{ key: string; live: boolean }>(findMany, [workspaceId, keys])
  return new Map(rows.map(({ key, live }) => [key, live]))
}

/** Ends one session. */
export async function removeSession({ db }: Pick<Services, 'db'>, { actor, key }: Session): Promise<void> {
  const { workspaceId, userId } = actor
  await db.transaction('write', { kind: 'system', workspaceId }, async (tx) => {
    noteRevocation(tx, workspaceId, userId)
    await tx.query(remove, [workspaceId, key])
  })
}

/** Ends every session of a user, in a running transaction. */
export async function removeSessions(tx: Tx, workspaceId: string, userId: string): Promise<void> {
  noteRevocation(tx, workspaceId, userId)
  await tx.query(removeAll, [workspaceId, userId])
}
