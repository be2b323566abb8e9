import { type Kysely, sql } from 'kysely'

const tables = `
create table installation (
  id int primary key default 1 check (id = 1),
  epoch text not null default encode(sha256(gen_random_uuid()::text::bytea), 'hex')
);
insert into installation default values;

create table workspaces (
  id text primary key,
  name text not null,
  created_at timestamptz(3) not null default now()
);

create table organizations (
  workspace_id text not null references workspaces (id),
  id text not null,
  name text not null,
  kind text not null check (kind in ('own', 'client', 'partner')),
  primary key (workspace_id, id)
);

create table users (
  workspace_id text not null references workspaces (id),
  id text not null,
  name text not null,
  email text,
  avatar_url text,
  role text not null check (role in ('admin', 'member', 'external')),
  organization_id text,
  deactivated_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  primary key (workspace_id, id),
  foreign key (workspace_id, organization_id) references organizations (workspace_id, id)
);
create index users_by_name on users (workspace_id, lower(name), id);

create table accounts (
  workspace_id text not null,
  user_id text not null,
  email text not null check (email = lower(email)),
  password_hash text,
  primary key (workspace_id, user_id),
  unique (workspace_id, email),
  foreign key (workspace_id, user_id) references users (workspace_id, id)
);

create table sessions (
  workspace_id text not null,
  token_hash text not null,
  user_id text not null,
  created_at timestamptz(3) not null default now(),
  last_seen_at timestamptz(3) not null default now(),
  primary key (workspace_id, token_hash),
  foreign key (workspace_id, user_id) references users (workspace_id, id)
);
create index sessions_by_user on sessions (workspace_id, user_id);

create table sign_in_links (
  workspace_id text not null,
  token_hash text not null,
  user_id text not null,
  expires_at timestamptz(3) not null,
  used_at timestamptz(3),
  primary key (workspace_id, token_hash),
  foreign key (workspace_id, user_id) references users (workspace_id, id)
);

create table conversations (
  workspace_id text not null references workspaces (id),
  id text not null,
  kind text not null check (kind in ('internal', 'external')),
  direct boolean not null,
  subject text,
  context_type text,
  context_id text,
  context_title text,
  context_url text,
  status text not null default 'open' check (status in ('open', 'waiting', 'closed', 'archived')),
  created_by text not null,
  client_key text,
  body_hash text,
  created_at timestamptz(3) not null default now(),
  seq bigint not null default 0,
  public_seq bigint not null default 0,
  participant_count int not null default 0,
  activity_at timestamptz(3) not null default now(),
  public_activity_at timestamptz(3) not null default now(),
  primary key (workspace_id, id),
  unique (workspace_id, created_by, client_key),
  foreign key (workspace_id, created_by) references users (workspace_id, id)
) with (fillfactor = 70);
create index conversations_by_context on conversations (workspace_id, context_type, context_id);

create table participants (
  workspace_id text not null,
  conversation_id text not null,
  user_id text not null,
  role text not null check (role in ('owner', 'member')),
  joined_at timestamptz(3) not null default now(),
  from_seq bigint not null default 0,
  removed_at timestamptz(3),
  read_seq bigint not null default 0,
  read_public_seq bigint not null default 0,
  delivered_seq bigint not null default 0,
  delivered_public_seq bigint not null default 0,
  primary key (workspace_id, conversation_id, user_id),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id),
  foreign key (workspace_id, user_id) references users (workspace_id, id)
) with (fillfactor = 80);
create index participants_by_user on participants (workspace_id, user_id, conversation_id) where removed_at is null;
create index participants_by_joining on participants (workspace_id, conversation_id, joined_at, user_id) where removed_at is null;

create table messages (
  workspace_id text not null,
  id text not null,
  conversation_id text not null,
  seq bigint not null,
  public_seq bigint,
  sender_id text not null,
  client_key text not null,
  body_hash text not null,
  kind text not null check (kind in ('internal', 'external', 'system')),
  audience text not null check (audience in ('everyone', 'team')),
  text text not null,
  reply_to text,
  system jsonb,
  created_at timestamptz(3) not null default now(),
  edited_at timestamptz(3),
  deleted_at timestamptz(3),
  deleted_by text,
  primary key (workspace_id, id),
  unique (workspace_id, sender_id, client_key),
  unique (workspace_id, conversation_id, seq),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id),
  foreign key (workspace_id, sender_id) references users (workspace_id, id),
  check ((audience = 'team') = (public_seq is null))
);
create unique index messages_by_public_seq on messages (workspace_id, conversation_id, public_seq) where public_seq is not null;
create index messages_by_reply on messages (workspace_id, reply_to) where reply_to is not null;

create table changes (
  workspace_id text not null,
  conversation_id text not null,
  seq bigint not null,
  public_seq bigint,
  id bigint generated always as identity,
  xid xid8 not null default pg_current_xact_id(),
  type text not null,
  actor_id text not null,
  entity_id text not null,
  audience text not null check (audience in ('everyone', 'team')),
  created_at timestamptz(3) not null default now(),
  primary key (workspace_id, conversation_id, seq),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id)
);
create unique index changes_by_public_seq on changes (workspace_id, conversation_id, public_seq) where public_seq is not null;
create index changes_by_id on changes (id);
`

/** A view runs with its owner's rights, so a policy may ask for memberships without asking itself. */
const memberships = `
create view my_conversations as
  select conversation_id, from_seq from participants
  where workspace_id = current_setting('parley.workspace', true)
    and user_id = current_setting('parley.user', true)
    and removed_at is null;
`

const here = "workspace_id = current_setting('parley.workspace', true)"
const system = "current_setting('parley.scope', true) = 'system'"

function writing(column: string): string {
  return `${column} = current_setting('parley.writing', true)`
}

function member(table: string, column: string, extra = ''): string {
  return `exists (select 1 from my_conversations m where m.conversation_id = ${table}.${column}${extra})`
}

const audible = `(audience = 'everyone' or ${system} or current_setting('parley.line', true) = 'team')`

/** Every table, who may read its rows, and who may write them; the workspace is always required on top. */
const policies: Record<string, { read: string; write: string }> = {
  organizations: { read: 'true', write: system },
  users: { read: 'true', write: system },
  accounts: { read: system, write: system },
  sessions: { read: system, write: system },
  sign_in_links: { read: system, write: system },
  conversations: {
    read: `(${system} or ${writing('id')} or ${member('conversations', 'id')})`,
    write: `(${system} or ${writing('id')})`,
  },
  participants: {
    read: `(${system} or ${writing('conversation_id')} or ${member('participants', 'conversation_id')})`,
    write: `(${system} or ${writing('conversation_id')})`,
  },
  messages: {
    read: `(${system} or ${writing('conversation_id')} or ${member('messages', 'conversation_id', ' and messages.seq >= m.from_seq')}) and ${audible}`,
    write: `(${system} or ${writing('conversation_id')})`,
  },
  changes: {
    read: `(${system} or ${writing('conversation_id')} or ${member('changes', 'conversation_id', ' and changes.seq >= m.from_seq')}) and ${audible}`,
    write: `(${system} or ${writing('conversation_id')})`,
  },
}

function policySql(): string {
  const lines = [
    'alter table installation enable row level security',
    'create policy read on installation for select using (true)',
    'alter table workspaces enable row level security',
    `create policy read on workspaces for select using (id = current_setting('parley.workspace', true))`,
    `create policy write on workspaces for insert with check (id = current_setting('parley.workspace', true) and ${system})`,
  ]
  for (const [table, { read, write }] of Object.entries(policies)) {
    lines.push(
      `alter table ${table} enable row level security`,
      `create policy read on ${table} for select using (${here} and ${read})`,
      `create policy add on ${table} for insert with check (${here} and ${write})`,
      `create policy change on ${table} for update using (${here} and ${read}) with check (${here} and ${write})`,
      `create policy remove on ${table} for delete using (${here} and ${write})`,
    )
  }
  return lines.join(';\n')
}

/** An owner who may not make roles can still migrate once somebody has made this one and given it to him. */
const roleSql = `
do $$ begin
  if not exists (select from pg_roles where rolname = 'parley_app') then create role parley_app nologin; end if;
exception
  when duplicate_object or unique_violation then null;
  when insufficient_privilege then
    raise exception using errcode = 'insufficient_privilege', message = format(
      'There is no role parley_app, and %1$I may not make it. As an administrator of the database, run: '
      'create role parley_app nologin; grant parley_app to %1$I;', current_user);
end $$;
do $$ begin
  execute format('grant parley_app to %I', current_user);
exception
  when insufficient_privilege then
    if not pg_has_role(current_user, 'parley_app', 'member') then
      raise exception using errcode = 'insufficient_privilege', message = format(
        'The role parley_app is not given to %1$I, who may not take it. As an administrator of the database, run: '
        'grant parley_app to %1$I;', current_user);
    end if;
  when others then
    if not pg_has_role(current_user, 'parley_app', 'member') then raise; end if;
end $$;
grant usage on schema parley to parley_app;
grant select on all tables in schema parley to parley_app;
grant insert on all tables in schema parley to parley_app;
revoke insert on installation, my_conversations from parley_app;
grant update on organizations, users, accounts, sessions, sign_in_links, conversations, participants, messages to parley_app;
grant delete on sessions, sign_in_links to parley_app;
`

/** The tables of the core, row-level security on each, and the role that owns nothing. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(tables).execute(db)
  await sql.raw(memberships).execute(db)
  await sql.raw(policySql()).execute(db)
  await sql.raw(roleSql).execute(db)
}
