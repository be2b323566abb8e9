import { type Kysely, sql } from 'kysely'

/** When the host issued the token that a person is as it said, Unix seconds; 0 while none has said when. */
const claimsIssuedAt = `
alter table users add column claims_issued_at double precision not null default 0;
`

/** An older token of a host is known by every node, also by one that starts later. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(claimsIssuedAt).execute(db)
}
