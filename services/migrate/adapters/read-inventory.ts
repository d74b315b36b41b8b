import type { ClientBase } from 'pg';
import type { SchemaObject } from '../inventory.js';

/**
 * Every object of the schemas that are no system's, without those that an extension has made and without the history
 * of migrations. Sees what the session's own transaction has done.
 */
export async function readInventory(session: ClientBase): Promise<SchemaObject[]> {
  // Names inside of definitions come out qualified, whatever the search_path is at the time.
  await session.query("SELECT pg_catalog.set_config('search_path', '', false)");
  try {
    const { rows } = await session.query<SchemaObject>(INVENTORY);
    return rows;
  } finally {
    await session.query('RESET search_path').catch(() => {});
  }
}

export async function readDatabaseBytes(session: ClientBase): Promise<number> {
  const { rows } = await session.query<{ bytes: string }>(
    'SELECT pg_catalog.pg_database_size(pg_catalog.current_database()) AS bytes',
  );
  return Number(rows[0]!.bytes);
}

export async function readMajorVersion(session: ClientBase): Promise<number> {
  const { rows } = await session.query<{ version: string }>(
    "SELECT pg_catalog.current_setting('server_version_num') AS version",
  );
  return Math.floor(Number(rows[0]!.version) / 10_000);
}

/** @returns those of the extensions that the server could not install. */
export async function readMissingExtensions(session: ClientBase, names: readonly string[]): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(
    `SELECT DISTINCT name FROM pg_catalog.unnest($1::text[]) name
     WHERE name NOT IN (SELECT a.name FROM pg_catalog.pg_available_extensions a) ORDER BY name`,
    [names],
  );
  return rows.map(({ name }) => name);
}

const INVENTORY = `
WITH made AS (SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'),
space AS (
  SELECT oid, pg_catalog.quote_ident(nspname) AS name FROM pg_catalog.pg_namespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    AND oid NOT IN (SELECT objid FROM made WHERE classid = 'pg_catalog.pg_namespace'::regclass)),
relation AS (
  SELECT c.*, s.name || '.' || pg_catalog.quote_ident(c.relname) AS name
  FROM pg_catalog.pg_class c JOIN space s ON s.oid = c.relnamespace
  WHERE c.oid NOT IN (SELECT objid FROM made WHERE classid = 'pg_catalog.pg_class'::regclass)
    AND NOT (s.name = 'public' AND c.relname ~ '^schema_migrations(_log)?(_|$)'))
SELECT kind, name, pg_catalog.concat(definition) AS definition FROM (
  SELECT 'schema' AS kind, name, '' AS definition FROM space
  UNION ALL SELECT 'extension', pg_catalog.quote_ident(extname), extversion FROM pg_catalog.pg_extension
  UNION ALL
  SELECT 'table', name, pg_catalog.concat_ws(', ',
      CASE relpersistence WHEN 'u' THEN 'unlogged' END,
      'partitioned by ' || pg_catalog.pg_get_partkeydef(oid),
      pg_catalog.pg_get_expr(relpartbound, oid),
      CASE WHEN relrowsecurity THEN 'row security' END,
      CASE WHEN relforcerowsecurity THEN 'forced row security' END,
      'grants ' || relacl::text)
  FROM relation WHERE relkind IN ('r', 'p', 'f')
  UNION ALL
  SELECT 'column', r.name || '.' || pg_catalog.quote_ident(a.attname), pg_catalog.concat_ws(' ',
      pg_catalog.format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
      CASE WHEN a.attgenerated <> '' THEN 'GENERATED' WHEN a.atthasdef THEN 'DEFAULT' END,
      pg_catalog.pg_get_expr(d.adbin, d.adrelid), CASE WHEN a.attidentity <> '' THEN 'IDENTITY' END)
  FROM relation r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE r.relkind IN ('r', 'p', 'f', 'c')
  UNION ALL
  SELECT CASE relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, name,
    pg_catalog.concat_ws(' ', reloptions::text, pg_catalog.pg_get_viewdef(oid), 'grants ' || relacl::text)
  FROM relation WHERE relkind IN ('v', 'm')
  UNION ALL
  SELECT 'sequence', r.name, pg_catalog.format('%s start %s increment %s min %s max %s cache %s cycle %s',
      pg_catalog.format_type(q.seqtypid, NULL), q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle)
  FROM relation r JOIN pg_catalog.pg_sequence q ON q.seqrelid = r.oid
  UNION ALL
  SELECT 'index', r.name, pg_catalog.pg_get_indexdef(r.oid) || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
  FROM relation r JOIN pg_catalog.pg_index i ON i.indexrelid = r.oid
  UNION ALL
  SELECT 'constraint', r.name || '.' || pg_catalog.quote_ident(c.conname), pg_catalog.pg_get_constraintdef(c.oid)
  FROM relation r JOIN pg_catalog.pg_constraint c ON c.conrelid = r.oid WHERE c.contype <> 'n'
  UNION ALL
  SELECT 'policy', r.name || '.' || pg_catalog.quote_ident(p.polname), pg_catalog.concat_ws(' ',
      CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END, p.polcmd::text,
      (SELECT pg_catalog.string_agg(CASE WHEN u = 0 THEN 'public' ELSE u::regrole::text END, ',' ORDER BY u) FROM pg_catalog.unnest(p.polroles) u),
      'using ' || pg_catalog.pg_get_expr(p.polqual, p.polrelid),
      'check ' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
  FROM relation r JOIN pg_catalog.pg_policy p ON p.polrelid = r.oid
  UNION ALL
  SELECT 'trigger', r.name || '.' || pg_catalog.quote_ident(t.tgname), pg_catalog.pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
  FROM relation r JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' ELSE 'function' END,
    s.name || '.' || pg_catalog.quote_ident(p.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
    pg_catalog.concat_ws(' ', CASE WHEN p.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(p.oid) END, 'grants ' || p.proacl::text)
  FROM pg_catalog.pg_proc p JOIN space s ON s.oid = p.pronamespace
  WHERE p.oid NOT IN (SELECT objid FROM made WHERE classid = 'pg_catalog.pg_proc'::regclass)
  UNION ALL
  SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' ELSE 'type' END,
    s.name || '.' || pg_catalog.quote_ident(t.typname), pg_catalog.concat_ws(' ',
      (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid),
      CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END,
      CASE WHEN t.typnotnull THEN 'NOT NULL' END, 'DEFAULT ' || t.typdefault,
      (SELECT pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(c.oid), ' ' ORDER BY c.conname) FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid))
  FROM pg_catalog.pg_type t JOIN space s ON s.oid = t.typnamespace
  WHERE t.typtype IN ('e', 'd', 'c', 'r')
    AND (t.typrelid = 0 OR (SELECT relkind FROM pg_catalog.pg_class WHERE oid = t.typrelid) = 'c')
    AND t.oid NOT IN (SELECT objid FROM made WHERE classid = 'pg_catalog.pg_type'::regclass)
) object ORDER BY kind, name`;
