-- The eight queries that tell whether the new project is whole: psql "$TARGET_URL" -f config/chief-of-staff/verification.sql
-- The last one runs as a signed-in user, and leaves nothing.

-- 1. All schemas are there.
-- Expected: 7 rows
SELECT schema_name FROM information_schema.schemata
WHERE schema_name IN ('core', 'ops', 'comms', 'meetings', 'media', 'work', 'intel') ORDER BY schema_name;

-- 2. All tables are there.
-- Expected: 30 rows
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname IN ('core', 'ops', 'comms', 'meetings', 'media', 'work', 'intel') ORDER BY schemaname, tablename;

-- 3. pgvector is there.
-- Expected: 1 row
SELECT * FROM pg_extension WHERE extname = 'vector';

-- 4. Embeddings are vectors: contacts, communications, transcript_chunks, media_chunks, insights.
-- Expected: 5 rows
SELECT table_schema, table_name, column_name, udt_name FROM information_schema.columns
WHERE udt_name = 'vector' ORDER BY table_schema, table_name;

-- 5. Row-level security is on for every table.
-- Expected: 30 rows
SELECT schemaname, tablename, rowsecurity FROM pg_tables
WHERE schemaname IN ('core', 'ops', 'comms', 'meetings', 'media', 'work', 'intel') AND rowsecurity = true
ORDER BY schemaname, tablename;

-- 6. The indexes are there.
-- Expected: 80 rows or more
SELECT schemaname, tablename, indexname, indexdef FROM pg_indexes
WHERE schemaname IN ('core', 'ops', 'comms', 'meetings', 'media', 'work', 'intel') ORDER BY schemaname, tablename;

-- 7. Both migrations are applied.
-- Expected: 2 rows, versions 001 and 002
SELECT * FROM public.schema_migrations ORDER BY version;

-- 8. A user makes a workspace, becomes its owner, and sees no other.
-- Expected: the last query has 1 row
BEGIN;
SET LOCAL row_security = on;
SELECT set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-000000000001"}', true);
SET LOCAL ROLE authenticated;
INSERT INTO core.workspaces (name) VALUES ('Test Workspace') RETURNING id;
INSERT INTO core.members (workspace_id, user_id, role)
SELECT id, auth.uid(), 'owner' FROM core.workspaces WHERE name = 'Test Workspace';
SELECT * FROM core.workspaces;
ROLLBACK;
