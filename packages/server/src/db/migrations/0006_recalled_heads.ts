import { type Kysely, sql } from 'kysely'

/**
 * Locks conversations and makes sure that they, and the people of the workspace, are as a write recalls them; raises PA001 otherwise, also
 * when another write holds one of them. Answers the time that rows of the transaction bear (adr 14).
 */
const requireHeads = `
create function require_heads(workspace text, ids text[], heads bigint[], people bigint) returns timestamptz
language plpgsql as $$
declare
  standing bigint[];
begin
  select array_agg(locked.seq order by locked.id) into standing from (
    select c.id, c.seq from conversations c where c.workspace_id = workspace and c.id = any(ids)
    order by c.id for update skip locked) locked;
  if standing is distinct from (select array_agg(h.seq order by h.id) from unnest(ids, heads) as h(id, seq))
    or people is distinct from (select w.people_version from workspaces w where w.id = workspace)
  then
    raise exception using errcode = 'PA001', message = 'Another write came in between';
  end if;
  return now()::timestamptz(3);
end $$;
revoke all on function require_heads(text, text[], bigint[], bigint) from public;
grant execute on function require_heads(text, text[], bigint[], bigint) to parley_app;
`

/** Who is deactivated may not write any more: those who go from memory must learn of it. */
const peopleChanged = `
drop trigger people_changed on users;
create constraint trigger people_changed after update on users deferrable initially deferred for each row
  when ((old.name, old.avatar_url, old.role, old.organization_id, old.deactivated_at)
    is distinct from (new.name, new.avatar_url, new.role, new.organization_id, new.deactivated_at))
  execute function raise_people_version();
`

/** What lets a write go to the database in one trip. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(requireHeads).execute(db)
  await sql.raw(peopleChanged).execute(db)
}
