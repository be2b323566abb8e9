import { type Kysely, sql } from 'kysely'

/**
 * What every node asks of the log, all workspaces at once: how far conversations have moved since a snapshot. Rows that were not visible
 * then are those of transactions that were open then, or began later. It tells ids and positions, never content.
 */
const movedSince = `
drop index changes_by_id;
create index changes_by_xid on changes (xid);

create function moved_since(since pg_snapshot)
returns table (workspace_id text, conversation_id text, before bigint, seq bigint, joined text[])
language sql stable security definer
set search_path = parley, pg_temp set enable_seqscan = off set jit = off
as $$
  select c.workspace_id, c.conversation_id, min(c.seq) - 1, max(c.seq),
    coalesce(array_agg(c.entity_id) filter (where c.type = 'participant-added'), '{}')
      || case when bool_or(c.type = 'conversation-created') then array(
           select p.user_id from participants p
           where p.workspace_id = c.workspace_id and p.conversation_id = c.conversation_id and p.removed_at is null)
         else '{}' end
  from changes c
  where c.xid >= pg_snapshot_xmax(since) or c.xid = any (array(select pg_snapshot_xip(since)))
  group by c.workspace_id, c.conversation_id
$$;
revoke all on function moved_since(pg_snapshot) from public;
grant execute on function moved_since(pg_snapshot) to parley_app;
`

/** The log can be followed by what has been committed, on every node. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(movedSince).execute(db)
}
