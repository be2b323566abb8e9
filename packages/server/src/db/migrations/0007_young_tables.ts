import { type Kysely, sql } from 'kysely'

/**
 * Looks at tables that have doubled since they were looked at, until they are 10,000 pages large; from then on autovacuum is soon enough.
 * Plans made while a table was empty take any index for as good as its key, and are kept: in a table that has grown since they read all of a
 * workspace for one row, for the minutes until autovacuum comes.
 * @see https://www.postgresql.org/docs/15/sql-prepare.html#SQL-PREPARE-NOTES
 */
const analyzeYoung = `
create function analyze_young() returns void
language plpgsql security definer
set search_path = parley, pg_temp
as $$
declare
  young name;
begin
  for young in
    select c.relname from pg_class c
    where c.relnamespace = 'parley'::regnamespace and c.relkind = 'r' and c.relpages < 10000
      and pg_relation_size(c.oid) > 2 * greatest(c.relpages, 5)::bigint * current_setting('block_size')::int
  loop
    execute format('analyze (skip_locked) %I', young);
  end loop;
end $$;
revoke all on function analyze_young() from public;
grant execute on function analyze_young() to parley_app;
`

/** A young database learns what is in it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(analyzeYoung).execute(db)
}
