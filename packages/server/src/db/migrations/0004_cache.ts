import { type Kysely, sql } from 'kysely'

/**
 * Raised by every change of what others see of a person: who knows the number knows whether profiles he keeps are still right (adr 13).
 * Deferred to the commit, so that the workspace's row is always locked last.
 */
const peopleVersion = `
alter table workspaces add column people_version bigint not null default 0;

create function raise_people_version() returns trigger
language plpgsql security definer
set search_path = parley, pg_temp
as $$ begin
  update workspaces set people_version = people_version + 1 where id = new.workspace_id;
  return null;
end $$;
revoke all on function raise_people_version() from public;

create constraint trigger people_changed after update on users deferrable initially deferred for each row
  when ((old.name, old.avatar_url, old.role, old.organization_id)
    is distinct from (new.name, new.avatar_url, new.role, new.organization_id))
  execute function raise_people_version();
create constraint trigger organizations_changed after update on organizations deferrable initially deferred for each row
  when ((old.name, old.kind) is distinct from (new.name, new.kind))
  execute function raise_people_version();
`

/**
 * The conversations of all workspaces that changed most of late, each with one of its participants from each side, the one who sees
 * most of it. It tells ids, never content.
 */
const busiest = `
create function busiest_conversations(wanted int)
returns table (workspace_id text, conversation_id text, user_id text, role text)
language sql stable security definer
set search_path = parley, pg_temp
as $$
  select distinct on (b.place, u.role = 'external') b.workspace_id, b.conversation_id, u.id, u.role
  from (
    select c.workspace_id, c.conversation_id, row_number() over (order by count(*) desc) as place
    from (select workspace_id, conversation_id from changes order by xid desc limit 10000) c
    group by c.workspace_id, c.conversation_id
    order by place limit wanted) b
  join participants p on p.workspace_id = b.workspace_id and p.conversation_id = b.conversation_id and p.removed_at is null
  join users u on u.workspace_id = p.workspace_id and u.id = p.user_id and u.deactivated_at is null
  order by b.place, u.role = 'external', p.from_seq
$$;
revoke all on function busiest_conversations(int) from public;
grant execute on function busiest_conversations(int) to parley_app;
`

/** What a cache asks the database, so that it never answers what is no longer so. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(peopleVersion).execute(db)
  await sql.raw(busiest).execute(db)
}
