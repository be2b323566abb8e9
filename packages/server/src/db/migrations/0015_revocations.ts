import { type Kysely, sql } from 'kysely'

/** Whose sessions were ended or whose rights changed, and when it was last. */
const revocations = `
create table revocations (
  workspace_id text not null,
  user_id text not null,
  revoked_at timestamptz(3) not null default now(),
  primary key (workspace_id, user_id),
  foreign key (workspace_id, user_id) references users (workspace_id, id)
);
create index revocations_by_time on revocations (revoked_at);
alter table revocations enable row level security;
create policy own on revocations
  using (workspace_id = current_setting('parley.workspace', true) and current_setting('parley.scope', true) = 'system')
  with check (workspace_id = current_setting('parley.workspace', true) and current_setting('parley.scope', true) = 'system');
grant select, insert, update on revocations to parley_app;

create function revoked_since(since timestamptz)
returns table (workspace_id text, user_id text)
language sql stable security definer
set search_path = parley, pg_temp
as $$ select workspace_id, user_id from revocations where revoked_at >= since $$;
revoke all on function revoked_since(timestamptz) from public;
grant execute on function revoked_since(timestamptz) to parley_app;
`

/** A revocation is found by every server within a second, also one that a command made. The function tells people of all workspaces, nothing else. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(revocations).execute(db)
}
