import { invalidField, ParleyError, role } from '@parley/protocol'
import { z } from 'zod'
import type { Services } from '../context.ts'
import type { Scope, Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { parseInput } from '../parse.ts'
import { defaultWorkspaceId, ensureWorkspace } from '../workspaces/workspace.service.ts'
import { emailAddress, hostId, hostOrganization, personName } from './claims.ts'
import { saveOrganization } from './organization.service.ts'
import { hashPassword, requireGoodPassword } from './password.ts'
import { noteRevocation } from './revocation.service.ts'
import { removeSessions } from './session.service.ts'

/** Somebody in a workspace. */
export interface Person {
  readonly workspaceId: string
  readonly userId: string
}

const newUser = z.object({
  workspace: hostId.default(defaultWorkspaceId),
  workspaceName: personName.optional(),
  id: hostId.optional(),
  name: personName,
  email: emailAddress.toLowerCase().optional(),
  role,
  password: z.string().optional(),
  organization: hostOrganization.optional(),
})
/** A person to be made; without an email there is no way to sign in but a link. */
export type NewUser = z.input<typeof newUser>

const userChange = z.object({
  name: personName.optional(),
  email: emailAddress.toLowerCase().optional(),
  role: role.optional(),
  organization: hostOrganization.nullish(),
})
/** What is to change of a person; null takes the organization away. */
export type UserChange = z.input<typeof userChange>

const insertUser = statement(
  'account-user',
  `insert into users (workspace_id, id, name, email, role, organization_id) values ($1, $2, $3, $4, $5, $6)
   on conflict (workspace_id, id) do nothing returning id`,
)

const insertAccount = statement(
  'account-insert',
  `insert into accounts (workspace_id, user_id, email, password_hash) values ($1, $2, $3, $4)
   on conflict (workspace_id, email) do nothing returning user_id`,
)

const setHash = statement(
  'account-password',
  'update accounts set password_hash = $3 where workspace_id = $1 and user_id = $2 returning user_id',
)

const findEmail = statement('account-email', 'select email from accounts where workspace_id = $1 and user_id = $2')

const deactivate = statement(
  'account-deactivate',
  'update users set deactivated_at = coalesce(deactivated_at, now()) where workspace_id = $1 and id = $2 returning id',
)

const removeLinks = statement(
  'account-remove-links',
  'delete from sign_in_links where workspace_id = $1 and user_id = $2',
)

const activate = statement(
  'account-activate',
  'update users set deactivated_at = null where workspace_id = $1 and id = $2 returning id',
)

const changeUser = statement(
  'account-change',
  `update users set name = coalesce($3, name), email = coalesce($4, email), role = coalesce($5, role),
     organization_id = case when $6 then $7 else organization_id end
   where workspace_id = $1 and id = $2 returning id`,
)

const changeEmail = statement(
  'account-change-email',
  `insert into accounts (workspace_id, user_id, email) select $1, $2, $3
   where not exists (select 1 from accounts where workspace_id = $1 and email = $3 and user_id <> $2)
   on conflict (workspace_id, user_id) do update set email = excluded.email returning user_id`,
)

function systemScope(workspaceId: string): Scope {
  return { kind: 'system', workspaceId }
}

function taken(field: string): ParleyError {
  return invalidField(field, `There is a person with this ${field} already`)
}

async function insert(tx: Tx, id: string, user: z.output<typeof newUser>, hash: string | null): Promise<void> {
  const { workspace, organization, email } = user
  ensureWorkspace(tx, workspace, user.workspaceName)
  if (organization) saveOrganization(tx, workspace, organization)
  const values = [workspace, id, user.name, email ?? null, user.role, organization?.id ?? null]
  if ((await tx.query(insertUser, values)).length === 0) throw taken('id')
  if (email === undefined) return
  if ((await tx.query(insertAccount, [workspace, id, email, hash])).length === 0) throw taken('email')
}

/**
 * Makes a person, and the workspace and organization if they are not there.
 * @throws ParleyError `invalid` naming the field at fault: an id or email that is taken, a password easy to guess
 */
export async function createUser({ db, ids }: Pick<Services, 'db' | 'ids'>, input: NewUser): Promise<Person> {
  const user = parseInput(newUser, input)
  const { password, email, workspace } = user
  if (password !== undefined && email === undefined) {
    throw invalidField('email', 'A password needs an email address to sign in with')
  }
  if (password !== undefined) requireGoodPassword(password, email ?? '')
  const hash = password === undefined ? null : await hashPassword(password)
  const id = user.id ?? ids()
  await db.transaction('write', systemScope(workspace), (tx) => insert(tx, id, user, hash))
  return { workspaceId: workspace, userId: id }
}

/**
 * Gives a person with an email address another password and ends all sessions opened with the old one.
 * @throws ParleyError `not_found` without an account, `invalid` for a password easy to guess
 */
export async function setPassword(
  services: Services,
  { workspaceId, userId }: Person,
  password: string,
): Promise<void> {
  const values = [workspaceId, userId]
  const scope = systemScope(workspaceId)
  const [account] = await services.db.read<{ email: string }>(scope, findEmail, values)
  if (!account) throw new ParleyError('not_found')
  requireGoodPassword(password, account.email)
  const hash = await hashPassword(password)
  await services.db.transaction('write', scope, async (tx) => {
    await tx.query(setHash, [...values, hash])
    await removeSessions(tx, workspaceId, userId)
  })
  services.bus.revoke({ workspaceId, userId, reason: 'signed-out' })
}

/**
 * Changes what is known of a person. A host's next token says again what it says of its own people. Another role ends the sockets opened with the one before.
 * @throws ParleyError `not_found`, `invalid` naming the field at fault
 */
export async function updateUser(
  services: Services,
  { workspaceId, userId }: Person,
  input: UserChange,
): Promise<void> {
  const { name, email, role, organization } = parseInput(userChange, input)
  const fields = [name, email, role, organization !== undefined, organization?.id]
  await services.db.transaction('write', systemScope(workspaceId), async (tx) => {
    if (organization) saveOrganization(tx, workspaceId, organization)
    const values = [workspaceId, userId, ...fields.map((field) => field ?? null)]
    if ((await tx.query(changeUser, values)).length === 0) throw new ParleyError('not_found')
    if (role !== undefined) noteRevocation(tx, workspaceId, userId)
    if (email === undefined) return
    if ((await tx.query(changeEmail, [workspaceId, userId, email])).length === 0) throw taken('email')
  })
  if (role !== undefined) services.bus.revoke({ workspaceId, userId, reason: 'expired' })
}

/**
 * Lets a person in again who was shut out.
 * @throws ParleyError `not_found`
 */
export async function activateUser({ db }: Services, { workspaceId, userId }: Person): Promise<void> {
  await db.transaction('write', systemScope(workspaceId), async (tx) => {
    if ((await tx.query(activate, [workspaceId, userId])).length === 0) throw new ParleyError('not_found')
  })
}

/**
 * Shuts a person out, on every path, at once. What they wrote stays.
 * @throws ParleyError `not_found`
 */
export async function deactivateUser(services: Services, { workspaceId, userId }: Person): Promise<void> {
  await services.db.transaction('write', systemScope(workspaceId), async (tx) => {
    if ((await tx.query(deactivate, [workspaceId, userId])).length === 0) throw new ParleyError('not_found')
    await tx.query(removeLinks, [workspaceId, userId])
    await removeSessions(tx, workspaceId, userId)
  })
  services.bus.revoke({ workspaceId, userId, reason: 'deactivated' })
}
