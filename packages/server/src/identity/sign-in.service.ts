import { limits, type Me, ParleyError, type ParsedInput } from '@parley/protocol'
import type { Actor } from '../actor.ts'
import type { Services } from '../context.ts'
import type { Scope, Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { toProfile, type UserRow, userColumns, userTables } from '../users/user.tables.ts'
import { defaultWorkspaceId, readWorkspace } from '../workspaces/workspace.service.ts'
import type { Person } from './account.service.ts'
import type { Attempts } from './attempts.ts'
import { fitsPassword } from './password.ts'
import { issueSecret, readSecret } from './secrets.ts'
import { openSession, type Session } from './session.service.ts'

/** A session that was just opened. */
export interface SignedIn {
  readonly session: Session
  /** What the browser keeps; only its hash is stored. */
  readonly cookieValue: string
  readonly me: Me
}

const findAccount = statement(
  'account-find',
  'select user_id, password_hash from accounts where workspace_id = $1 and email = $2',
)

/** Whoever changes the password waits for the session, and takes it away with the others; or it is changed already. */
const holdPassword = statement(
  'account-hold',
  'select 1 as held from accounts where workspace_id = $1 and email = $2 and password_hash = $3 for share',
)

const findMe = statement(
  'account-me',
  `select ${userColumns} from ${userTables} where u.workspace_id = $1 and u.id = $2`,
)

const insertLink = statement(
  'link-insert',
  `insert into sign_in_links (workspace_id, token_hash, user_id, expires_at)
   select $1, $3, id, now() + make_interval(secs => ${limits.signInLinkLifetime / 1000}) from users
   where workspace_id = $1 and id = $2 and deactivated_at is null returning user_id`,
)

const sweepLinks = statement(
  'link-sweep',
  'delete from sign_in_links where workspace_id = $1 and user_id = $2 and (used_at is not null or expires_at <= now())',
)

const useLink = statement(
  'link-use',
  `update sign_in_links set used_at = now()
   where workspace_id = $1 and token_hash = $2 and used_at is null and expires_at > now() returning user_id`,
)

function systemScope(workspaceId: string): Scope {
  return { kind: 'system', workspaceId }
}

async function readMeIn(tx: Tx, { workspaceId, userId }: Person, epoch: string): Promise<Me> {
  const [user] = await tx.query<UserRow>(findMe, [workspaceId, userId])
  if (!user) throw new ParleyError('unauthenticated')
  return { workspace: await readWorkspace(tx, workspaceId), user: toProfile(user), email: user.email, epoch }
}

/** Who an actor is, and where. */
export function readMe({ db }: Pick<Services, 'db'>, { workspaceId, userId }: Actor): Promise<Me> {
  return db.transaction('read', systemScope(workspaceId), (tx) => readMeIn(tx, { workspaceId, userId }, db.epoch))
}

async function open(tx: Tx, { db }: Pick<Services, 'db'>, person: Person): Promise<SignedIn | undefined> {
  const opened = await openSession(tx, person.workspaceId, person.userId)
  return opened && { ...opened, me: await readMeIn(tx, person, db.epoch) }
}

/**
 * Opens a session for an email address and password. Whatever is wrong, the answer and the time it takes are the same.
 * @param address the caller's network address
 * @throws ParleyError `credentials_invalid`, `rate_limited`
 */
export async function signInWithPassword(
  services: Pick<Services, 'db'>,
  attempts: Attempts,
  { email, password, workspace: workspaceId = defaultWorkspaceId }: ParsedInput<'signIn'>,
  address: string,
): Promise<SignedIn> {
  const { db } = services
  const account = email.trim().toLowerCase()
  const attempt = await attempts.begin(address, JSON.stringify([workspaceId, account]))
  const [found] = await db.read<{ user_id: string; password_hash: string | null }>(
    systemScope(workspaceId),
    findAccount,
    [workspaceId, account],
  )
  const fits = await fitsPassword(password, found?.password_hash)
  if (!found || !fits) throw new ParleyError('credentials_invalid')
  const person = { workspaceId, userId: found.user_id }
  const signedIn = await db.transaction('write', systemScope(workspaceId), async (tx) => {
    const held = await tx.query(holdPassword, [workspaceId, account, found.password_hash])
    return held.length > 0 ? open(tx, services, person) : undefined
  })
  if (!signedIn) throw new ParleyError('credentials_invalid')
  await attempt.succeeded()
  return signedIn
}

/**
 * Opens a session for a one-time link and uses the link up, in one transaction.
 * @param address the caller's network address
 * @throws ParleyError `link_used` for a link that was used, has expired or never was; `rate_limited`
 */
export async function signInByLink(
  services: Pick<Services, 'db'>,
  attempts: Attempts,
  token: string,
  address: string,
): Promise<SignedIn> {
  const attempt = await attempts.begin(address)
  const secret = readSecret(token)
  if (!secret) throw new ParleyError('link_used')
  const { workspaceId, hash } = secret
  const signedIn = await services.db.transaction('write', systemScope(workspaceId), async (tx) => {
    const [link] = await tx.query<{ user_id: string }>(useLink, [workspaceId, hash])
    return link && open(tx, services, { workspaceId, userId: link.user_id })
  })
  if (!signedIn) throw new ParleyError('link_used')
  await attempt.succeeded()
  return signedIn
}

/**
 * Makes a link that signs a person in once, within a day.
 * @returns its token, of which only a hash is stored
 * @throws ParleyError `not_found` for nobody, or somebody deactivated
 */
export async function createLink({ db }: Pick<Services, 'db'>, { workspaceId, userId }: Person): Promise<string> {
  const { value, hash } = issueSecret(workspaceId)
  await db.transaction('write', systemScope(workspaceId), async (tx) => {
    await tx.query(sweepLinks, [workspaceId, userId])
    if ((await tx.query(insertLink, [workspaceId, userId, hash])).length === 0) throw new ParleyError('not_found')
  })
  return value
}
