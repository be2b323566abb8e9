-- After bringing back an older state of the database, before the first server starts:
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f deploy/after-restore.sql
-- Run as the owner. Running it twice, or when it was not needed, costs people a reload and a sign-in, nothing else.
begin;

-- Another history: whoever has seen what is now gone loads afresh instead of going on where he was.
update parley.installation set epoch = encode(sha256(gen_random_uuid()::text::bytea), 'hex');

-- A dump brings the transaction numbers of another cluster; servers follow the log by them, and these must not lie in the future.
update parley.changes set xid = pg_current_xact_id() where xid >= pg_snapshot_xmax(pg_current_snapshot());

-- Whoever signed out, or used a link, after the backup was made must not be signed in by it again.
delete from parley.sessions;
delete from parley.sign_in_links;

commit;
