import { type Kysely, sql } from 'kysely'

/**
 * Forgets the beginning of logs, all workspaces at once: of those changes that were committed first, the ones from before a moment, and whatever
 * stands before them in their conversation, so that what is left has no hole. It tells how many of them were old; none while another one does it.
 */
const forgetChanges = `
create function forget_changes(before timestamptz, at_most int) returns bigint
language sql security definer
set search_path = parley, pg_temp set enable_seqscan = off set jit = off
as $$
  with mine as (select pg_try_advisory_xact_lock(hashtextextended('parley.forget_changes', 0)) as got),
  first as (
    select workspace_id, conversation_id, seq, created_at from changes where (select got from mine) order by xid limit at_most
  ),
  old as (
    select workspace_id, conversation_id, max(seq) as seq, count(*) as found from first where created_at < before group by 1, 2
  ),
  gone as (
    delete from changes c using old
    where c.workspace_id = old.workspace_id and c.conversation_id = old.conversation_id and c.seq <= old.seq
  )
  select coalesce(sum(found), 0)::bigint from old
$$;
revoke all on function forget_changes(timestamptz, int) from public;
grant execute on function forget_changes(timestamptz, int) to parley_app;

update conversations set direct = false where direct and participant_count > 2;
`

/** The change log is kept for a while, not for ever; who comes back after that loads afresh (adr 20). And direct conversations are between two. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(forgetChanges).execute(db)
}
