import { type Kysely, sql } from 'kysely'

/** The line is that of the transaction's user: an internal conversation is not his while he is an outsider, and his again afterwards. */
const memberships = `
create or replace view my_conversations as
  select p.conversation_id, p.from_seq from participants p
  where p.workspace_id = current_setting('parley.workspace', true)
    and p.user_id = current_setting('parley.user', true)
    and p.removed_at is null
    and (current_setting('parley.line', true) = 'team'
      or (select c.kind from conversations c where c.workspace_id = p.workspace_id and c.id = p.conversation_id) = 'external');
`

/** As before, without those who may not see the conversation. */
const busiest = `
create or replace function busiest_conversations(wanted int)
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
  join conversations c on c.workspace_id = b.workspace_id and c.id = b.conversation_id
  join participants p on p.workspace_id = b.workspace_id and p.conversation_id = b.conversation_id and p.removed_at is null
  join users u on u.workspace_id = p.workspace_id and u.id = p.user_id and u.deactivated_at is null
  where c.kind = 'external' or u.role <> 'external'
  order by b.place, u.role = 'external', p.from_seq
$$;
`

/** Internal conversations do not exist for outsiders, also for those who were of the team when they came in. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(memberships).execute(db)
  await sql.raw(busiest).execute(db)
}
