import { createHash } from 'node:crypto'
import { newSecret } from '../ids.ts'
import { hostId } from './claims.ts'

/** A secret that names its workspace, and the hash that is stored in its place. */
export interface WorkspaceSecret {
  readonly workspaceId: string
  readonly value: string
  readonly hash: string
}

const form = /^([\w-]{2,1024})\.[\w-]{43}$/

/** SHA-256 of a credential, base64url: enough for 256 random bits, and for telling credentials apart. */
export function hashOf(credential: string): string {
  return createHash('sha256').update(credential).digest('base64url')
}

/** A new secret of 256 random bits for a workspace: `<base64url(workspace)>.<secret>`. */
export function issueSecret(workspaceId: string): WorkspaceSecret {
  const value = `${Buffer.from(workspaceId).toString('base64url')}.${newSecret()}`
  return { workspaceId, value, hash: hashOf(value) }
}

/** Reads a secret somebody presents; undefined when it cannot be one of ours. */
export function readSecret(value: string): WorkspaceSecret | undefined {
  const encoded = form.exec(value)?.[1]
  if (encoded === undefined) return undefined
  const workspace = hostId.safeParse(Buffer.from(encoded, 'base64url').toString())
  return workspace.success ? { workspaceId: workspace.data, value, hash: hashOf(value) } : undefined
}
