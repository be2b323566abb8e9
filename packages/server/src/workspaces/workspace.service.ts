import { ParleyError } from '@parley/protocol'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'

/** A workspace: the tenant nothing crosses. */
export interface Workspace {
  readonly id: string
  readonly name: string
}

/** The workspace of tokens and sign-ins that name none. */
export const defaultWorkspaceId = 'default'

const insert = statement(
  'workspace-insert',
  'insert into workspaces (id, name) values ($1, $2) on conflict (id) do nothing',
)

const find = statement('workspace-find', 'select id, name from workspaces where id = $1')

/**
 * Makes a workspace unless it is there; one that is there keeps its name.
 * @param tx a `write` transaction in the system scope of that workspace
 */
export function ensureWorkspace(tx: Tx, workspaceId: string, name = workspaceId): void {
  tx.send(insert, [workspaceId, name])
}

/**
 * The workspace of a transaction.
 * @throws ParleyError `not_found`
 */
export async function readWorkspace(tx: Tx, workspaceId: string): Promise<Workspace> {
  const [workspace] = await tx.query<Workspace>(find, [workspaceId])
  if (!workspace) throw new ParleyError('not_found')
  return workspace
}
