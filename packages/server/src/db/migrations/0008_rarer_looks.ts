import { type Kysely, sql } from 'kysely'

/**
 * Looks at a table first when it has more than ten pages, then each time it has grown eightfold, until it is 10,000 pages large. Each
 * look holds up writes for some milliseconds and lets every connection plan anew; what makes plans wrong is an empty table, not one of
 * another size.
 */
const analyzeYoung = `
create or replace function analyze_young() returns void
language plpgsql security definer
set search_path = parley, pg_temp
as $$
declare
  young name;
begin
  for young in
    select c.relname from pg_class c
    where c.relnamespace = 'parley'::regnamespace and c.relkind = 'r' and c.relpages < 10000
      and pg_relation_size(c.oid) > greatest(8 * c.relpages, 10)::bigint * current_setting('block_size')::int
  loop
    execute format('analyze (skip_locked) %I', young);
  end loop;
end $$;
`

/** A young database learns what is in it, and is kept busy with that less often. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(analyzeYoung).execute(db)
}
