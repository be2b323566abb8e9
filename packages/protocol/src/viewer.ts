import type { Role } from './users.ts'

/** Name of the HTTP header, in small letters, in which a caller says as whom it asks. */
export const viewerHeader = 'parley-viewer'

/**
 * As whom something is asked, for {@link viewerHeader} and for `viewer` in the handshake of a socket: who it is, and on which side, since either
 * side counts positions by itself. A session or token that belongs to another viewer is refused with `viewer_changed`, before anything is
 * done: a browser may have signed in somebody else meanwhile.
 * @returns workspace, user and side, such as `acme/ana/team`
 */
export function viewerOf(workspaceId: string, userId: string, role: Role): string {
  return [workspaceId, userId, role === 'external' ? 'public' : 'team'].map(encodeURIComponent).join('/')
}
