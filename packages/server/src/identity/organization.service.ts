import type { Organization } from '@parley/protocol'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'

/** Where nothing differs nothing is locked: else people of one organization who come at once would wait for each other's commit. */
const save = statement(
  'organization-save',
  `insert into organizations (workspace_id, id, name, kind)
   select $1, $2, $3, $4 where not exists (
     select from organizations where workspace_id = $1 and id = $2 and name = $3 and kind = $4)
   on conflict (workspace_id, id) do update set name = excluded.name, kind = excluded.kind`,
)

/**
 * Makes an organization, or makes it what it is said to be.
 * @param tx a `write` transaction in the system scope of the workspace
 */
export function saveOrganization(tx: Tx, workspaceId: string, { id, name, kind }: Organization): void {
  tx.send(save, [workspaceId, id, name, kind])
}
