import { invalidField, limits, type ParsedInput, type Profile, splitIds } from '@parley/protocol'
import { lineOf } from '../actor.ts'
import { type Context, scopeOf } from '../context.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import type { Tx } from '../db/database.ts'
import { statement } from '../db/statement.ts'
import { chosenUserTables, toProfile, type UserRow, userColumns, userTables } from './user.tables.ts'

const byIds = statement('users-by-ids', `select ${userColumns} from ${chosenUserTables}`)

/**
 * Who an outsider may know of: the team, his own organization, and people he shares a conversation with.
 * A team member may know of everybody.
 */
const knownTo = `($3 or u.role <> 'external' or u.id = $4
  or (u.organization_id is not null and u.organization_id = (select organization_id from users where workspace_id = $1 and id = $4))
  or exists (select 1 from participants p where p.workspace_id = $1 and p.user_id = u.id and p.removed_at is null
    and p.conversation_id in (select conversation_id from my_conversations)))`

const knownByIds = statement('users-known-by-ids', `select ${userColumns} from ${chosenUserTables} where ${knownTo}`)

const search = statement(
  'users-search',
  `select ${userColumns}, lower(u.name) as sort_name from ${userTables}
   where u.workspace_id = $1 and u.deactivated_at is null and u.name ilike $2 and ${knownTo}
     and (lower(u.name), u.id) > ($5, $6)
   order by lower(u.name), u.id limit $7`,
)

/** Profiles of people, in no order; ids that do not exist are left out. */
export async function readProfiles(tx: Tx, workspaceId: string, userIds: Iterable<string>): Promise<Profile[]> {
  const ids = [...new Set(userIds)]
  if (ids.length === 0) return []
  return (await tx.query<UserRow>(byIds, [workspaceId, ids])).map(toProfile)
}

/** People the actor may know of among the given ids, by id. Used before anybody is added anywhere. */
export async function readKnownUsers(tx: Tx, ctx: Context, ids: readonly string[]): Promise<Map<string, UserRow>> {
  const { actor } = ctx
  const rows = await tx.query<UserRow>(knownByIds, [actor.workspaceId, ids, lineOf(actor) === 'team', actor.userId])
  return new Map(rows.filter((row) => row.deactivated_at === null).map((row) => [row.id, row]))
}

/**
 * People the actor may know of: those with the given ids, or whose name holds `q`, by name.
 * @throws ParleyError `invalid` for a cursor of something else
 */
export function listUsers(
  ctx: Context,
  input: ParsedInput<'listUsers'>,
): Promise<{ items: Profile[]; nextCursor: string | null }> {
  const { actor, db } = ctx
  const team = lineOf(actor) === 'team'
  return db.transaction('read', scopeOf(actor), async (tx) => {
    if (input.ids !== undefined) {
      const ids = [...new Set(splitIds(input.ids))]
      if (ids.length > limits.participantsPerRequest)
        throw invalidField('ids', `More than ${limits.participantsPerRequest} ids`)
      const rows = await tx.query<UserRow>(knownByIds, [actor.workspaceId, ids, team, actor.userId])
      return { items: rows.map(toProfile), nextCursor: null }
    }
    const pattern = `%${(input.q ?? '').replace(/[\\%_]/g, '\\$&')}%`
    const [name, id] = input.cursor === undefined ? ['', ''] : decodeCursor('users', input.cursor, 2)
    const values = [actor.workspaceId, pattern, team, actor.userId, name, id, input.limit + 1]
    const rows = await tx.query<UserRow & { readonly sort_name: string }>(search, values)
    const last = rows.length > input.limit ? rows[input.limit - 1] : undefined
    return {
      items: rows.slice(0, input.limit).map(toProfile),
      nextCursor: last ? encodeCursor('users', [last.sort_name, last.id]) : null,
    }
  })
}
