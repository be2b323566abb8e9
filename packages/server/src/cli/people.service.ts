import type { Database } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { readWorkspace } from '../workspaces/workspace.service.ts'

/** A person as an administrator of the installation sees them. */
export interface ListedPerson {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly email: string | null
  readonly organization: string | null
  readonly deactivated: boolean
}

const list = statement(
  'people-list',
  `select u.id, u.name, u.role, u.email, o.name as organization, u.deactivated_at is not null as deactivated
   from users u left join organizations o on o.workspace_id = u.workspace_id and o.id = u.organization_id
   where u.workspace_id = $1 order by lower(u.name), u.id`,
)

const findAccount = statement('people-account', 'select 1 from accounts where workspace_id = $1 limit 1')

/** Whether anybody in a workspace has an account of their own to sign in with. */
export async function hasAccounts(db: Database, workspaceId: string): Promise<boolean> {
  const scope = { kind: 'system', workspaceId } as const
  const found = await db.read(scope, findAccount, [workspaceId])
  return found.length > 0
}

/**
 * Everybody in a workspace, by name.
 * @throws ParleyError `not_found` for a workspace that is not there
 */
export function listPeople(db: Database, workspaceId: string): Promise<ListedPerson[]> {
  return db.transaction('read', { kind: 'system', workspaceId }, async (tx) => {
    await readWorkspace(tx, workspaceId)
    return tx.query<ListedPerson>(list, [workspaceId])
  })
}
