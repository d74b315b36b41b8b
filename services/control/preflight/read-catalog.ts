import type { ClientBase } from 'pg';
import { displayName } from '../../../core/relation.js';
import type { Catalog, CatalogTable, CatalogType } from './catalog.js';
import { jsonRows } from './json-rows.js';

/** Schemas whose tables nobody moves: the system's, other sessions' temporary ones, and our own, save for the candidates in it. */
const OUR_SCHEMAS = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND (n.nspname <> 'ferry' OR c.relispartition)`;

/** The extension that an object belongs to, as a column of a query over its catalog. */
const extensionOf = (catalog: string, oid: string) =>
  `(SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.${catalog}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')`;

/** The locale's columns were added and renamed between PostgreSQL 14 and 17; the row as JSON has them or not. */
const DEFAULT_COLLATION = `concat_ws(' ', db.datcollate, coalesce(to_jsonb(db) ->> 'datlocprovider', 'c'),
  coalesce(to_jsonb(db) ->> 'datlocale', to_jsonb(db) ->> 'daticulocale'))`;

const COLUMNS = `
  SELECT a.attname AS name, a.atttypid::bigint AS type, a.atttypmod AS typmod,
         format_type(a.atttypid, a.atttypmod) AS "typeText", a.attnotnull AS "notNull",
         a.atthasdef OR a.attidentity <> '' AS "hasDefault", a.attgenerated AS generated, a.attidentity AS identity,
         CASE WHEN a.attcollation = 0 THEN NULL
              WHEN co.collname <> 'default' THEN concat_ws(' ', co.collname, co.collprovider)
              ELSE (SELECT ${DEFAULT_COLLATION} FROM pg_database db WHERE db.datname = current_database())
         END AS collation
  FROM pg_attribute a LEFT JOIN pg_collation co ON co.oid = a.attcollation
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attnum`;

const UNIQUE_INDEXES = `
  SELECT ic.relname AS name, i.indisprimary AS primary, i.indisreplident AS "replicaIdentity",
         i.indimmediate AS immediate,
         i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AS plain,
         (SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
          WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u')) AS definition,
         (SELECT coalesce(json_agg(a.attname ORDER BY k.ord), '[]')
          FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, ord)
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
          WHERE k.ord <= i.indnkeyatts) AS columns
  FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
  WHERE i.indrelid = c.oid AND i.indisunique
  ORDER BY i.indisprimary DESC, ic.relname`;

const PRIVILEGES = `
  SELECT p FROM unnest(ARRAY['SELECT','INSERT','UPDATE','DELETE','TRUNCATE','TRIGGER']) p
  WHERE has_table_privilege(c.oid, p)`;

const TABLES = `
  SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS table, c.relkind AS kind,
         c.relpersistence AS persistence, c.relreplident AS identity,
         nullif(c.reltuples, -1)::bigint AS "estimatedRows",
         CASE WHEN c.relispartition THEN (
           SELECT pn.nspname || '.' || p.relname FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
           JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE h.inhrelid = c.oid) END AS "partitionOf",
         c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid) AS "hasInheritingTables",
         ${extensionOf('pg_class', 'c.oid')} AS extension,
         pg_has_role(c.relowner, 'USAGE') AS owned, row_security_active(c.oid) AS "rowSecurityActive",
         has_schema_privilege(n.oid, 'USAGE') AS "schemaUsage",
         ARRAY(${PRIVILEGES}) AS privileges,
         ARRAY(SELECT row_to_json(q) FROM (${COLUMNS}) q) AS columns,
         ARRAY(SELECT row_to_json(q) FROM (${UNIQUE_INDEXES}) q) AS "uniqueIndexes"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${OUR_SCHEMAS}
  ORDER BY n.nspname, c.relname`;

const TYPES = `
  SELECT t.oid::bigint AS oid, n.nspname AS schema, t.typname AS name, t.typtype AS kind,
         CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END::bigint AS element,
         t.typbasetype::bigint AS base, t.typtypmod AS "baseTypmod",
         ARRAY(SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder) AS labels,
         EXISTS (SELECT FROM pg_class r WHERE r.oid = t.typrelid AND r.relkind <> 'c') AS "isRowType",
         CASE WHEN t.typtype = 'c' THEN ARRAY(
           SELECT json_build_object('name', a.attname, 'type', a.atttypid::bigint, 'typmod', a.atttypmod)
           FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
           ORDER BY a.attnum) ELSE '{}' END AS attributes,
         coalesce((SELECT rngsubtype FROM pg_range WHERE rngtypid = t.oid), 0)::bigint AS subtype,
         ${extensionOf('pg_type', 't.oid')} AS extension
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace`;

/** Reads tables, columns, keys, privileges and types; takes no lock on any table. */
export async function readCatalog(client: ClientBase): Promise<Catalog> {
  const tables = await jsonRows<CatalogTable>(client, TABLES);
  const types = await jsonRows<CatalogType>(client, TYPES);
  return {
    tables: new Map(tables.map((table) => [displayName(table), table])),
    types: new Map(types.map((type) => [type.oid, type])),
  };
}

/** Bytes on disk by table OID, indexes and TOAST included. */
export async function readTableBytes(client: ClientBase, oids: readonly number[]): Promise<Map<number, number>> {
  const rows = await jsonRows<{ oid: number; bytes: number | null }>(
    client,
    'SELECT oid, pg_total_relation_size(oid::regclass) AS bytes FROM unnest($1::bigint[]) oid',
    [oids],
  );
  return new Map(rows.map((row) => [row.oid, row.bytes ?? 0]));
}
