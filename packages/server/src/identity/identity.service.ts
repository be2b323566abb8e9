import { type Me, ParleyError, type ParsedInput } from '@parley/protocol'
import type { Actor } from '../actor.ts'
import type { Config } from '../config.ts'
import type { Services } from '../context.ts'
import { statement } from '../db/statement.ts'
import type { SharedCounts } from '../redis.ts'
import {
  activateUser,
  createUser,
  deactivateUser,
  type NewUser,
  type Person,
  setPassword,
  type UserChange,
  updateUser,
} from './account.service.ts'
import { countAttempts, uncountedAttempts } from './attempts.ts'
import { endedTokens, endToken } from './ended-token.service.ts'
import { hostUsers } from './host-user.service.ts'
import { findSession, readLiveSessions, removeSession, type Session } from './session.service.ts'
import { createLink, readMe, type SignedIn, signInByLink, signInWithPassword } from './sign-in.service.ts'
import { createTokenVerifier } from './token.ts'

export type { Session } from './session.service.ts'

/** Who callers are: by the host's token, or by a session of their own account. */
export interface Identity {
  /**
   * Who presents these credentials; the bearer's token wins over the cookie.
   * @throws ParleyError `unauthenticated`; `unavailable` when the host's key set cannot be fetched
   */
  authenticate(credentials: { readonly bearer?: string; readonly cookie?: string }): Promise<Session>
  /** Those of the sessions that hold no more: ended, expired, of a deactivated user, or of one whose role has changed. */
  recheck(sessions: readonly Session[]): Promise<readonly Session[]>
  /** @throws ParleyError `credentials_invalid`, `rate_limited` */
  signIn(input: ParsedInput<'signIn'>, address: string): Promise<SignedIn>
  /** @throws ParleyError `link_used`, `rate_limited` */
  signInWithLink(input: ParsedInput<'signInWithLink'>, address: string): Promise<SignedIn>
  /** Learns which tokens were signed out, on whatever node: once before anybody is let in, and then every few seconds. */
  learnEnded(): Promise<void>
  /** Ends a session; its sockets are told. */
  signOut(session: Session): Promise<void>
  /** Who an actor is, and where. */
  getMe(actor: Actor): Promise<Me>
  /** A token that signs a person in once, within a day. @throws ParleyError `not_found` */
  createSignInLink(workspaceId: string, userId: string): Promise<string>
  /** @throws ParleyError `invalid` naming the field at fault */
  createUser(user: NewUser): Promise<Person>
  /** Also ends the person's sessions. @throws ParleyError `not_found`, `invalid` */
  setPassword(person: Person, password: string): Promise<void>
  /** What is left out stays as it is. @throws ParleyError `not_found`, `invalid` naming the field at fault */
  updateUser(person: Person, change: UserChange): Promise<void>
  /** Lets a person in again who was shut out. @throws ParleyError `not_found` */
  activateUser(person: Person): Promise<void>
  /** Shuts a person out on every path. @throws ParleyError `not_found` */
  deactivateUser(person: Person): Promise<void>
}

const findActive = statement(
  'identity-active',
  'select id, role from users where workspace_id = $1 and id = any($2) and deactivated_at is null',
)

function groupByWorkspace(sessions: readonly Session[]): Map<string, Session[]> {
  return Map.groupBy(sessions, ({ actor }) => actor.workspaceId)
}

/** The sessions of one workspace that hold no more; at most one query for each kind. */
function recheckWorkspace(
  { db, clock }: Services,
  workspaceId: string,
  sessions: readonly Session[],
): Promise<Session[]> {
  const now = clock()
  const cookies = sessions.filter(({ kind }) => kind === 'session')
  const tokens = sessions.filter(({ kind, expiresAt }) => kind === 'token' && expiresAt > now)
  return db.transaction('read', { kind: 'system', workspaceId }, async (tx) => {
    const keys = cookies.map(({ key }) => key)
    const live = keys.length === 0 ? new Map<string, Actor['role']>() : await readLiveSessions(tx, workspaceId, keys)
    if (tokens.length > 0) {
      const userIds = [...new Set(tokens.map(({ actor }) => actor.userId))]
      const rows = await tx.query<{ id: string; role: Actor['role'] }>(findActive, [workspaceId, userIds])
      const roles = new Map(rows.map(({ id, role }) => [id, role]))
      for (const { key, actor } of tokens) {
        const role = roles.get(actor.userId)
        if (role !== undefined) live.set(key, role)
      }
    }
    return sessions.filter(({ key, actor }) => live.get(key) !== actor.role)
  })
}

function accountsOf(
  services: Services,
): Pick<Identity, 'createUser' | 'setPassword' | 'updateUser' | 'activateUser' | 'deactivateUser'> {
  return {
    createUser: (user) => createUser(services, user),
    setPassword: (person, password) => setPassword(services, person, password),
    updateUser: (person, change) => updateUser(services, person, change),
    activateUser: (person) => activateUser(services, person),
    deactivateUser: (person) => deactivateUser(services, person),
  }
}

/**
 * Identity over a database.
 * @param services what the program works with
 * @param config keys of the host's tokens, and whether attempts are counted
 * @param shared where all nodes count attempts together
 */
export function createIdentity(
  services: Services,
  config: Pick<Config, 'jwt' | 'rateLimits'>,
  shared?: SharedCounts,
): Identity {
  const verifier = createTokenVerifier(config.jwt, services)
  const readHostUser = hostUsers(services)
  const readEnded = endedTokens(services)
  const attempts = config.rateLimits ? countAttempts(shared) : uncountedAttempts

  services.bus.onRevocation(({ sessionKey, sessionKind }) => {
    if (sessionKey !== undefined && sessionKind !== 'session') verifier.end(sessionKey)
  })

  async function byToken(bearer: string): Promise<Session> {
    const { key, claims, expiresAt } = await verifier.verify(bearer)
    const { id, role } = await readHostUser(claims)
    return { actor: { workspaceId: claims.workspace, userId: id, role }, kind: 'token', key, expiresAt }
  }

  return {
    authenticate: async ({ bearer, cookie }) => {
      if (bearer !== undefined) return byToken(bearer)
      if (cookie !== undefined) return findSession(services, cookie)
      throw new ParleyError('unauthenticated')
    },
    recheck: async (sessions) => {
      const groups = [...groupByWorkspace(sessions)]
      const gone = (await Promise.all(groups.map(([id, group]) => recheckWorkspace(services, id, group)))).flat()
      return [...new Set([...gone, ...sessions.filter(({ key }) => verifier.isEnded(key))])]
    },
    learnEnded: async () => {
      for (const key of await readEnded()) verifier.end(key)
    },
    signIn: (input, address) => signInWithPassword(services, attempts, input, address),
    signInWithLink: ({ token }, address) => signInByLink(services, attempts, token, address),
    signOut: async (session) => {
      await (session.kind === 'session' ? removeSession(services, session) : endToken(services, session))
      const { actor, key: sessionKey, kind: sessionKind } = session
      const { workspaceId, userId } = actor
      services.bus.revoke({ workspaceId, userId, sessionKey, sessionKind, reason: 'signed-out' })
    },
    getMe: (actor) => readMe(services, actor),
    createSignInLink: (workspaceId, userId) => createLink(services, { workspaceId, userId }),
    ...accountsOf(services),
  }
}
