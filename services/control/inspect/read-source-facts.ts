import type { ClientBase } from 'pg';
import type { Definition } from '../../../core/inspect/hardcoded.js';
import { jsonRows } from '../preflight/json-rows.js';
import { currentDatabase, serverSetting } from '../preflight/server-setting.js';
import type { ForeignKey, FunctionFacts, SequenceFacts, SourceFacts, ViewFacts } from './source-facts.js';

/** Schemas whose objects are people's own. */
const OURS = (schema: string) => `${schema} !~ '^pg_' AND ${schema} NOT IN ('information_schema', 'ferry')`;

const OF_NO_EXTENSION = (catalog: string, oid: string) =>
  `NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '${catalog}'::regclass AND x.objid = ${oid} AND x.deptype = 'e')`;

const FOREIGN_KEYS = `
  SELECT k.conname AS name, n.nspname || '.' || c.relname AS from, fn.nspname || '.' || f.relname AS to,
         ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY u (attnum, ord)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum ORDER BY u.ord) AS columns,
         ARRAY(SELECT a.attname FROM unnest(k.confkey) WITH ORDINALITY u (attnum, ord)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum ORDER BY u.ord) AS "refersTo"
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
  WHERE k.contype = 'f' AND k.conparentid = 0
  ORDER BY 2, 1`;

/** Bodies of C functions are names of symbols, and an aggregate has none. One in standard SQL has a tree for a body. */
const FUNCTIONS = `
  SELECT 'function' AS kind, p.oid::regprocedure::text AS object,
         CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_get_functiondef(p.oid) END AS text,
         coalesce(p.proconfig, '{}') AS settings
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
  WHERE l.lanname NOT IN ('c', 'internal') AND p.prokind <> 'a' AND ${OURS('n.nspname')} AND ${OF_NO_EXTENSION('pg_proc', 'p.oid')}
  ORDER BY 2`;

const VIEWS = `
  SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END AS kind,
         n.nspname || '.' || c.relname AS object, pg_get_viewdef(c.oid) AS text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('v', 'm') AND ${OURS('n.nspname')} AND ${OF_NO_EXTENSION('pg_class', 'c.oid')}
  ORDER BY 2`;

const POLICIES = `
  SELECT 'policy' AS kind, format('%s on %s.%s', p.polname, n.nspname, c.relname) AS object,
         concat_ws(E'\\n', 'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
                   'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') AS text
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OURS('n.nspname')}
  ORDER BY 2`;

const TRIGGERS = `
  SELECT 'trigger' AS kind, format('%s on %s.%s', t.tgname, n.nspname, c.relname) AS object,
         pg_get_triggerdef(t.oid) AS text
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND ${OURS('n.nspname')}
  ORDER BY 2`;

const VIEW_READS = `
  SELECT n.nspname || '.' || c.relname AS name,
         ARRAY(SELECT DISTINCT rn.nspname || '.' || r.relname
               FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
               JOIN pg_class r ON d.refclassid = 'pg_class'::regclass AND r.oid = d.refobjid AND r.oid <> c.oid
               JOIN pg_namespace rn ON rn.oid = r.relnamespace
               WHERE w.ev_class = c.oid AND r.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1) AS reads
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('v', 'm') AND ${OURS('n.nspname')} AND ${OF_NO_EXTENSION('pg_class', 'c.oid')}
  ORDER BY 1`;

/** Those that no column owns. */
const SEQUENCES = `
  SELECT n.nspname || '.' || c.relname AS name,
         ARRAY(SELECT DISTINCT tn.nspname || '.' || t.relname
               FROM pg_depend d JOIN pg_attrdef a ON a.oid = d.objid JOIN pg_class t ON t.oid = a.adrelid
               JOIN pg_namespace tn ON tn.oid = t.relnamespace
               WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
               ORDER BY 1) AS users
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'S' AND ${OURS('n.nspname')} AND ${OF_NO_EXTENSION('pg_class', 'c.oid')}
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                    AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
  ORDER BY 1`;

const INHERITANCE = `
  SELECT pn.nspname || '.' || p.relname AS parent, cn.nspname || '.' || c.relname AS child
  FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
  JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
  WHERE p.relkind = 'r'
  ORDER BY 1, 2`;

/** Reads the catalog alone, and no row of any table. */
export async function readSourceFacts(client: ClientBase): Promise<SourceFacts> {
  const names = async (query: string) => (await jsonRows<{ name: string }>(client, query)).map(({ name }) => name);
  const functions = await jsonRows<Definition & FunctionFacts>(client, FUNCTIONS);
  const [counted] = await jsonRows<{ count: number }>(client, 'SELECT count(*)::int FROM pg_largeobject_metadata');
  return {
    database: await currentDatabase(client),
    version: await serverSetting(client, 'server_version'),
    foreignKeys: await jsonRows<ForeignKey>(client, FOREIGN_KEYS),
    functions: functions.map(({ object, settings }) => ({ object, settings })),
    definitions: [
      ...functions.map(({ kind, object, text }) => ({ kind, object, text })),
      ...(await jsonRows<Definition>(client, VIEWS)),
      ...(await jsonRows<Definition>(client, POLICIES)),
      ...(await jsonRows<Definition>(client, TRIGGERS)),
    ],
    views: await jsonRows<ViewFacts>(client, VIEW_READS),
    sequences: await jsonRows<SequenceFacts>(client, SEQUENCES),
    roles: await names('SELECT rolname AS name FROM pg_roles ORDER BY 1'),
    largeObjects: counted!.count,
    eventTriggers: await names(
      `SELECT evtname AS name FROM pg_event_trigger t WHERE ${OF_NO_EXTENSION('pg_event_trigger', 't.oid')} ORDER BY 1`,
    ),
    publications: await names('SELECT pubname AS name FROM pg_publication ORDER BY 1'),
    inheritance: await jsonRows(client, INHERITANCE),
  };
}
