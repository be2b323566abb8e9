import { ParleyError, viewerOf } from '@parley/protocol'
import type { Actor } from '../actor.ts'

/**
 * Refuses to act for somebody else than the caller means.
 * @param stated as whom the caller asks, when it says so
 * @throws ParleyError `viewer_changed`
 */
export function requireViewer({ workspaceId, userId, role }: Actor, stated: unknown): void {
  if (stated !== undefined && stated !== viewerOf(workspaceId, userId, role)) throw new ParleyError('viewer_changed')
}
