import { type Kysely, sql } from 'kysely'

/**
 * Marks that have moved lately, for nodes that were not told: by transaction, as changes are. A crash of the database may empty it, for a
 * mark itself stands with its participant. The functions tell and forget ids and positions of all workspaces, nothing else.
 */
const markMoves = `
create unlogged table mark_moves (
  xid xid8 not null default pg_current_xact_id(),
  workspace_id text not null,
  conversation_id text not null,
  user_id text not null,
  type text not null check (type in ('message-read', 'message-delivered')),
  seq bigint,
  public_seq bigint
);
create index mark_moves_by_xid on mark_moves (xid);
alter table mark_moves enable row level security;
create policy read on mark_moves for select
  using (workspace_id = current_setting('parley.workspace', true) and current_setting('parley.scope', true) = 'system');
create policy add on mark_moves for insert
  with check (workspace_id = current_setting('parley.workspace', true)
    and conversation_id = current_setting('parley.writing', true));
grant select, insert on mark_moves to parley_app;

create function marks_moved_since(since pg_snapshot)
returns table (workspace_id text, conversation_id text, user_id text, type text, seq bigint, public_seq bigint, head bigint)
language sql stable security definer
set search_path = parley, pg_temp set enable_seqscan = off set jit = off
as $$
  select m.workspace_id, m.conversation_id, m.user_id, m.type, max(m.seq), max(m.public_seq), max(c.seq)
  from mark_moves m join conversations c on c.workspace_id = m.workspace_id and c.id = m.conversation_id
  where m.xid >= pg_snapshot_xmax(since) or m.xid = any (array(select pg_snapshot_xip(since)))
  group by m.workspace_id, m.conversation_id, m.user_id, m.type
$$;
revoke all on function marks_moved_since(pg_snapshot) from public;
grant execute on function marks_moved_since(pg_snapshot) to parley_app;

create function forget_mark_moves(before pg_snapshot) returns void
language sql security definer
set search_path = parley, pg_temp set enable_seqscan = off
as $$ delete from mark_moves where xid < pg_snapshot_xmin(before) $$;
revoke all on function forget_mark_moves(pg_snapshot) from public;
grant execute on function forget_mark_moves(pg_snapshot) to parley_app;
`

/** Marks can be followed by what has been committed, on every node. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(markMoves).execute(db)
}
