import type { Role } from '@parley/protocol'

/** The team sees every change of a conversation; the public line leaves out what only the team may see. */
export type Line = 'team' | 'public'

/** Who acts, in which workspace. */
export interface Actor {
  readonly workspaceId: string
  readonly userId: string
  readonly role: Role
}

/** Which of the two lines an actor reads. */
export function lineOf(actor: Pick<Actor, 'role'>): Line {
  return actor.role === 'external' ? 'public' : 'team'
}
