import { ParleyError } from '@parley/protocol'
import { LRUCache } from 'lru-cache'
import type { Services } from '../context.ts'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { type UserRow, userColumns, userTables } from '../users/user.tables.ts'
import { ensureWorkspace } from '../workspaces/workspace.service.ts'
import type { Claims } from './claims.ts'
import { saveOrganization } from './organization.service.ts'
import { noteRevocation } from './revocation.service.ts'
import { hashOf } from './secrets.ts'
import { tolerance } from './token.ts'

/** Finds the user of a token, made or refreshed from its claims. */
export type ReadHostUser = (claims: Claims) => Promise<UserRow>

/** A person, and when the token was issued that he is as it said, Unix seconds; 0 when none has said. */
type HostUserRow = UserRow & { readonly claims_issued_at: number }

type Wanted = Omit<HostUserRow, 'deactivated_at'>

interface Seen {
  readonly issuedAt: number
  readonly hash: string
}

const find = statement(
  'identity-user',
  `select ${userColumns}, u.claims_issued_at from ${userTables} where u.workspace_id = $1 and u.id = $2`,
)

const saveUser = statement(
  'identity-user-save',
  `insert into users (workspace_id, id, name, email, avatar_url, role, organization_id, claims_issued_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8)
   on conflict (workspace_id, id) do update set name = excluded.name, email = excluded.email,
     avatar_url = excluded.avatar_url, role = excluded.role, organization_id = excluded.organization_id,
     claims_issued_at = excluded.claims_issued_at
   where users.deactivated_at is null and (users.claims_issued_at = 0 or users.claims_issued_at < excluded.claims_issued_at)`,
)

const remembered = 50_000

/** What the row becomes: rights as the token says, profile fields it leaves out as they were. */
function merge(row: HostUserRow | undefined, claims: Claims, issuedAt: number): Wanted {
  const { organization } = claims
  return {
    id: claims.sub,
    name: claims.name ?? row?.name ?? claims.sub.slice(0, 120),
    email: claims.email === undefined ? (row?.email ?? null) : claims.email,
    avatar_url: claims.avatarUrl === undefined ? (row?.avatar_url ?? null) : claims.avatarUrl,
    role: claims.role,
    organization_id: organization?.id ?? null,
    organization_name: organization?.name ?? null,
    organization_kind: organization?.kind ?? null,
    claims_issued_at: issuedAt,
  }
}

const ownFields = ['name', 'email', 'avatar_url', 'role', 'organization_id'] as const
const organizationFields = ['organization_name', 'organization_kind'] as const

/**
 * Whether the row must follow the claims. An organization's name is taken only from claims not seen before, so that
 * two colleagues with tokens of different age do not rename it back and forth.
 */
function differs(row: HostUserRow | undefined, wanted: Wanted, isNew: boolean): boolean {
  if (!row || ownFields.some((field) => row[field] !== wanted[field])) return true
  return isNew && organizationFields.some((field) => row[field] !== wanted[field])
}

function save(tx: Tx, { workspace, organization }: Claims, wanted: Wanted): void {
  ensureWorkspace(tx, workspace)
  if (organization) saveOrganization(tx, workspace, organization)
  const { id, name, email, avatar_url, role, organization_id, claims_issued_at } = wanted
  tx.send(saveUser, [workspace, id, name, email, avatar_url, role, organization_id, claims_issued_at])
}

function claimsHash({ exp: _exp, iat: _iat, ...rest }: Claims): string {
  return hashOf(JSON.stringify(rest))
}

/** Whether a token changes nothing of a person: a newer one was seen here, or he is as one said that is newer or of the same second. */
function isOutdated(issuedAt: number, row: HostUserRow | undefined, last: Seen | undefined): boolean {
  const known = row?.claims_issued_at ?? 0
  return issuedAt < (last?.issuedAt ?? 0) || (known > 0 && issuedAt <= known)
}

/**
 * Users as their host's tokens describe them: workspace, organization and user are made or refreshed in one transaction,
 * only when they differ. A token issued before the one that a person is as it said, or before the newest one seen here, does not
 * change anything back; one from the future counts as far ahead as clocks may be. Another role ends the sockets that were
 * opened with the one before.
 * @returns a function that answers the user as stored now
 * @throws ParleyError (the returned function) `unauthenticated` for a deactivated user
 */
export function hostUsers({ db, bus, clock }: Pick<Services, 'db' | 'bus' | 'clock'>): ReadHostUser {
  const seen = new LRUCache<string, Seen>({ max: remembered })

  return async (claims) => {
    const { workspace: workspaceId, sub } = claims
    const scope = { kind: 'system', workspaceId } as const
    const issuedAt = Math.min(claims.iat, clock() / 1000 + tolerance)
    let [row] = await db.read<HostUserRow>(scope, find, [workspaceId, sub])
    const role = row?.role
    const key = JSON.stringify([workspaceId, sub])
    const last = seen.get(key)
    if (!row?.deactivated_at && !isOutdated(issuedAt, row, last)) {
      const hash = claimsHash(claims)
      const wanted = merge(row, claims, issuedAt)
      if (differs(row, wanted, last?.hash !== hash)) {
        const saved = await db.transaction('write', scope, async (tx) => {
          save(tx, claims, wanted)
          if (role !== undefined && role !== wanted.role) noteRevocation(tx, workspaceId, sub)
          return tx.send<HostUserRow>(find, [workspaceId, sub])
        })
        row = (await saved())[0]
      }
      seen.set(key, { issuedAt, hash })
      if (role !== undefined && role !== row?.role) bus.revoke({ workspaceId, userId: sub, reason: 'expired' })
    }
    if (!row || row.deactivated_at !== null) throw new ParleyError('unauthenticated')
    return row
  }
}
