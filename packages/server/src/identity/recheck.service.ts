import type { Role } from '@parley/protocol'
import type { Revocation } from '../bus.ts'
import type { Services } from '../context.ts'
import { statement } from '../db/statement.ts'
import { readSessions, type Session } from './session.service.ts'

/** Why a session holds no more. */
export type Ending = Revocation['reason']

interface Standing {
  readonly id: string
  readonly role: Role
  readonly deactivated: boolean
}

interface Found {
  readonly people: ReadonlyMap<string, Standing>
  /** Whether sessions still live, by key; those that were ended are not there. */
  readonly sessions: ReadonlyMap<string, boolean>
}

const findPeople = statement(
  'identity-standing',
  'select id, role, deactivated_at is not null as deactivated from users where workspace_id = $1 and id = any($2)',
)

function keysOf(sessions: readonly Session[]): string[] {
  return [...new Set(sessions.flatMap(({ key, kind }) => (kind === 'session' ? [key] : [])))]
}

function find({ db }: Pick<Services, 'db'>, workspaceId: string, sessions: readonly Session[]): Promise<Found> {
  const userIds = [...new Set(sessions.map(({ actor }) => actor.userId))]
  const keys = keysOf(sessions)
  return db.transaction('read', { kind: 'system', workspaceId }, async (tx) => {
    const live = keys.length === 0 ? new Map<string, boolean>() : await readSessions(tx, workspaceId, keys)
    const people = await tx.query<Standing>(findPeople, [workspaceId, userIds])
    return { sessions: live, people: new Map(people.map((person) => [person.id, person])) }
  })
}

function credentialEnding({ key, kind, expiresAt }: Session, { sessions }: Found, now: number): Ending | null {
  if (kind === 'token') return expiresAt <= now ? 'expired' : null
  const live = sessions.get(key)
  if (live === undefined) return 'signed-out'
  return live ? null : 'expired'
}

function endingOf(session: Session, found: Found, now: number): Ending | null {
  const { userId, role } = session.actor
  const person = found.people.get(userId)
  if (!person || person.deactivated) return 'deactivated'
  return credentialEnding(session, found, now) ?? (person.role === role ? null : 'expired')
}

/**
 * Looks sessions up: a read transaction of two queries for each workspace.
 * @param isEnded whether a token's key is known to have been signed out
 * @returns why they hold no more, of those that do not: another role ends what was opened with the one before as `expired`
 */
export async function recheckSessions(
  services: Pick<Services, 'db' | 'clock'>,
  sessions: readonly Session[],
  isEnded: (key: string) => boolean,
): Promise<ReadonlyMap<Session, Ending>> {
  const endings = new Map<Session, Ending>()
  const now = services.clock()
  const lookUp = async ([workspaceId, group]: [string, Session[]]): Promise<void> => {
    const found = await find(services, workspaceId, group)
    for (const session of group) {
      const ending = endingOf(session, found, now) ?? (isEnded(session.key) ? 'signed-out' : null)
      if (ending) endings.set(session, ending)
    }
  }
  const groups = Map.groupBy(sessions, ({ actor }) => actor.workspaceId)
  await Promise.all([...groups].map(lookUp))
  return endings
}
