import { type Kysely, sql } from 'kysely'

/**
 * A look takes a sample a tenth as large as autovacuum's, which comes later, and rests a millisecond after each fifty pages: what wants to
 * commit meanwhile may have to share its core.
 */
const lighterLooks = `
alter function analyze_young() set default_statistics_target = 10;
alter function analyze_young() set vacuum_cost_delay = '1ms';
alter function analyze_young() set vacuum_cost_limit = 50;
`

/** What keeps the planner up to date while tables are young takes a quarter of the time. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(lighterLooks).execute(db)
}
