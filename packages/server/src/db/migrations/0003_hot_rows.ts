import { type Kysely, sql } from 'kysely'

/**
 * A foreign key costs a look-up and a row lock, written to the log, for each message. Every row of these tables is written while its
 * conversation is locked and its author was found in it, and neither is ever deleted (adr 12).
 */
const hotRows = `
alter table messages
  drop constraint messages_workspace_id_conversation_id_fkey,
  drop constraint messages_workspace_id_sender_id_fkey;
alter table changes
  drop constraint changes_workspace_id_conversation_id_fkey;
`

/** Messages and changes are held to their conversations by the one way to write, not by foreign keys. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('set local search_path = parley').execute(db)
  await sql.raw(hotRows).execute(db)
}
