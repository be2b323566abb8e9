import { type Kysely, sql } from 'kysely'

/** The host's tokens that were signed out before their time, by their hash, until they end by themselves. */
const endedTokens = `
create table ended_tokens (
  workspace_id text not null references workspaces (id),
  key text not null,
  ended_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  primary key (workspace_id, key)
);
create index ended_tokens_by_time on ended_tokens (ended_at);
alter table ended_tokens enable row level security;
create policy own on ended_tokens
  using (workspace_id = current_setting('parley.workspace', true) and current_setting('parley.scope', true) = 'system')
  with check (workspace_id = current_setting('parley.workspace', true) and current_setting('parley.scope', true) = 'system');
grant select, insert, delete on ended_tokens to parley_app;

create function tokens_ended_since(since timestamptz)
returns table (key text)
language sql stable security definer
set search_path = parley, pg_temp
as $$ select key from ended_tokens where ended_at >= since and expires_at > now() $$;
revoke all on function tokens_ended_since(timestamptz) from public;
grant execute on function tokens_ended_since(timestamptz) to parley_app;
`

/** A token that was signed out is refused by every node, also by one that starts later. The function tells hashes of all workspaces, nothing else. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(endedTokens).execute(db)
}
