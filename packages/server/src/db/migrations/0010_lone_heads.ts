import { type Kysely, sql } from 'kysely'

/** Most messages come alone: one conversation is found by its key and its head, with nothing to gather or to sort. */
const loneHeads = `
create or replace function require_heads(workspace text, ids text[], heads bigint[], people bigint) returns timestamptz
language plpgsql as $$
declare
  standing bigint[];
  recalled boolean;
begin
  if cardinality(ids) = 1 then
    perform from conversations c
    where c.workspace_id = workspace and c.id = ids[1] and c.seq = heads[1] for update skip locked;
    recalled := found;
  else
    select array_agg(locked.seq order by locked.id) into standing from (
      select c.id, c.seq from conversations c where c.workspace_id = workspace and c.id = any(ids)
      order by c.id for update skip locked) locked;
    recalled := standing is not distinct from (select array_agg(h.seq order by h.id) from unnest(ids, heads) as h(id, seq));
  end if;
  if not recalled or people is distinct from (select w.people_version from workspaces w where w.id = workspace) then
    raise exception using errcode = 'PA001', message = 'Another write came in between';
  end if;
  return now()::timestamptz(3);
end $$;
`

/** A write of one conversation takes less of the database. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(loneHeads).execute(db)
}
