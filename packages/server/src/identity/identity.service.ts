import { type Me, ParleyError, type ParsedInput } from '@parley/protocol'
import type { Actor } from '../actor.ts'
import type { Config } from '../config.ts'
import type { Services } from '../context.ts'
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
import { endToken } from './ended-token.service.ts'
import { hostUsers } from './host-user.service.ts'
import { type Ending, recheckSessions } from './recheck.service.ts'
import { followRevocations, type Revoked } from './revocation.service.ts'
import { findSession, removeSession, type Session } from './session.service.ts'
import { createLink, readMe, type SignedIn, signInByLink, signInWithPassword } from './sign-in.service.ts'
import { createTokenVerifier } from './token.ts'

export type { Ending } from './recheck.service.ts'
export type { Session } from './session.service.ts'

/** Who callers are: by the host's token, or by a session of their own account. */
export interface Identity {
  /**
   * Who presents these credentials; the bearer's token wins over the cookie.
   * @throws ParleyError `unauthenticated`; `unavailable` when the host's key set cannot be fetched
   */
  authenticate(credentials: { readonly bearer?: string; readonly cookie?: string }): Promise<Session>
  /** Why sessions hold no more, of those that do not: ended, expired, of a deactivated user, or of one whose role has changed. */
  recheck(sessions: readonly Session[]): Promise<ReadonlyMap<Session, Ending>>
  /** @throws ParleyError `credentials_invalid`, `rate_limited` */
  signIn(input: ParsedInput<'signIn'>, address: string): Promise<SignedIn>
  /** @throws ParleyError `link_used`, `rate_limited` */
  signInWithLink(input: ParsedInput<'signInWithLink'>, address: string): Promise<SignedIn>
  /**
   * Learns what was revoked, on whatever node and by whatever command: once before anybody is let in, and then every second.
   * @returns whose sessions have to be rechecked
   */
  learnRevoked(): Promise<Revoked['people']>
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
  const readRevoked = followRevocations(services)
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
    recheck: (sessions) => recheckSessions(services, sessions, (key) => verifier.isEnded(key)),
    learnRevoked: async () => {
      const { keys, people } = await readRevoked()
      for (const key of keys) verifier.end(key)
      return people
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
