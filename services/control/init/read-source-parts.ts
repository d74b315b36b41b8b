import type { ClientBase } from 'pg';
import { jsonRows } from '../preflight/json-rows.js';
import type {
  BehaviorPart,
  ColumnPart,
  ConstraintPart,
  DependencyPart,
  ExtensionPart,
  IndexPart,
  SequencePart,
  SourceParts,
  TypePart,
} from './source-parts.js';

const collationName = (alias: string) => `quote_ident(${alias}n.nspname) || '.' || quote_ident(${alias}.collname)`;

const COLUMNS = `
  SELECT a.attrelid::bigint AS table, a.attname AS name, a.atttypid::bigint AS type,
         format_type(a.atttypid, a.atttypmod) AS "typeText",
         CASE WHEN a.attcollation <> t.typcollation THEN ${collationName('co')} END AS collation,
         a.attnotnull AS "notNull", a.attidentity AS identity, a.attgenerated AS generated,
         pg_get_expr(d.adbin, d.adrelid) AS expression, d.oid::bigint AS "expressionId"
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_collation co ON co.oid = a.attcollation
  LEFT JOIN pg_namespace con ON con.oid = co.collnamespace
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = ANY($1::bigint[]) AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attrelid, a.attnum`;

const CONSTRAINTS = `
  SELECT oid::bigint AS oid, conrelid::bigint AS table, contypid::bigint AS domain, conname AS name, contype AS kind,
         pg_get_constraintdef(oid) AS definition, convalidated AS validated, confrelid::bigint AS referenced
  FROM pg_constraint
  -- A foreign key to a partitioned table has copies for its partitions.
  WHERE (conrelid = ANY($1::bigint[]) OR contypid <> 0) AND contype IN ('p', 'u', 'c', 'x', 'f') AND conparentid = 0
  ORDER BY conrelid, array_position('{p,u,c,x,f}', contype::text), conname`;

const INDEXES = `
  SELECT i.indexrelid::bigint AS oid, i.indrelid::bigint AS table, c.relname AS name,
         'CREATE ' || CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || quote_ident(c.relname) || ' ON ' AS head,
         pg_get_indexdef(i.indexrelid) AS definition, i.indisunique AS unique, i.indisreplident AS "replicaIdentity"
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid = ANY($1::bigint[]) AND i.indisvalid
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
  ORDER BY i.indrelid, c.relname`;

const SEQUENCES = `
  SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, format_type(s.seqtypid, NULL) AS type,
         format('INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s %s', s.seqincrement, s.seqmin, s.seqmax,
                s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) AS options,
         coalesce(o.refobjid, 0)::bigint AS "ownerTable", a.attname AS "ownerColumn",
         coalesce(o.deptype = 'i', false) AS "isIdentity", u.users
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid
    AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')
  LEFT JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
  CROSS JOIN LATERAL (
    SELECT ARRAY(SELECT DISTINCT d.adrelid::bigint FROM pg_depend p JOIN pg_attrdef d ON d.oid = p.objid
      WHERE p.classid = 'pg_attrdef'::regclass AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid
        AND d.adrelid = ANY($1::bigint[]) ORDER BY 1) AS users) u
  WHERE o.refobjid = ANY($1::bigint[]) OR u.users <> '{}'
  ORDER BY n.nspname, c.relname`;

const TYPES = `
  SELECT t.oid::bigint AS oid,
         CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base,
         CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN ${collationName('co')} END AS collation,
         pg_get_expr(t.typdefaultbin, 0) AS expression, t.typnotnull AS "notNull",
         ARRAY(SELECT json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'collation',
                 CASE WHEN a.attcollation <> att.typcollation THEN ${collationName('ac')} END)
               FROM pg_attribute a JOIN pg_type att ON att.oid = a.atttypid
               LEFT JOIN pg_collation ac ON ac.oid = a.attcollation
               LEFT JOIN pg_namespace acn ON acn.oid = ac.collnamespace
               WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS attributes
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_type b ON b.oid = t.typbasetype
  LEFT JOIN pg_collation co ON co.oid = t.typcollation
  LEFT JOIN pg_namespace con ON con.oid = co.collnamespace
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND (t.typtype = 'd' OR EXISTS (SELECT FROM pg_class r WHERE r.oid = t.typrelid AND r.relkind = 'c'))`;

const DEPENDENCIES = `
  WITH object AS (
    SELECT 'pg_attrdef'::regclass AS classid, oid AS objid FROM pg_attrdef WHERE adrelid = ANY($1::bigint[])
    UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid = ANY($1::bigint[]) OR contypid <> 0
    UNION ALL SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid = ANY($1::bigint[])
    UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typtype = 'd')
  SELECT DISTINCT o.classid::regclass::text AS class, o.objid::bigint AS object, d.refclassid::regclass::text AS "neededClass",
         d.refobjid::bigint AS needed, i.type || ' ' || i.identity AS description,
         (SELECT e.extname FROM pg_depend x JOIN pg_extension e ON e.oid = x.refobjid
          WHERE x.classid = d.refclassid AND x.objid = d.refobjid AND x.deptype = 'e') AS extension
  FROM object o JOIN pg_depend d ON d.classid = o.classid AND d.objid = o.objid AND d.deptype IN ('n', 'a')
  CROSS JOIN LATERAL pg_identify_object(d.refclassid, d.refobjid, 0) i
  WHERE i.schema NOT IN ('pg_catalog', 'information_schema')`;

const EXTENSIONS = `
  SELECT e.extname AS name, n.nspname AS schema,
         ARRAY(SELECT i.name FROM pg_depend d CROSS JOIN LATERAL (
                 SELECT typname AS name FROM pg_type WHERE d.classid = 'pg_type'::regclass AND oid = d.objid
                 UNION ALL SELECT proname FROM pg_proc WHERE d.classid = 'pg_proc'::regclass AND oid = d.objid
                 UNION ALL SELECT opcname FROM pg_opclass WHERE d.classid = 'pg_opclass'::regclass AND oid = d.objid) i
               WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e') AS members
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace`;

const BEHAVIORS = `
  SELECT c.oid::bigint AS table, ARRAY(
      SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal
      UNION ALL SELECT 'policy ' || polname FROM pg_policy WHERE polrelid = c.oid
      UNION ALL SELECT 'rule ' || rulename FROM pg_rewrite WHERE ev_class = c.oid
      UNION ALL SELECT 'row-level security' WHERE c.relrowsecurity
      ORDER BY 1) AS things
  FROM pg_class c WHERE c.oid = ANY($1::bigint[])`;

/** Reads what the DDL of the given tables is made of. */
export async function readSourceParts(client: ClientBase, tables: readonly number[]): Promise<SourceParts> {
  const ofTables = <T>(query: string) => jsonRows<T>(client, query, [tables]);
  return {
    columns: await ofTables<ColumnPart>(COLUMNS),
    constraints: await ofTables<ConstraintPart>(CONSTRAINTS),
    indexes: await ofTables<IndexPart>(INDEXES),
    sequences: await ofTables<SequencePart>(SEQUENCES),
    types: await jsonRows<TypePart>(client, TYPES),
    dependencies: await ofTables<DependencyPart>(DEPENDENCIES),
    extensions: await jsonRows<ExtensionPart>(client, EXTENSIONS),
    behaviors: await ofTables<BehaviorPart>(BEHAVIORS),
  };
}
