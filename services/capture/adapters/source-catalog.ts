import type { ClientBase } from 'pg';
import type { DeclaredColumn, QualifiedName } from '../../../core/relation.js';
import type { CatalogColumn } from '../relation-catalog.js';

/** A column that is added with a constant has its value for the rows of before in the catalog, until they are rewritten. */
const COLUMNS_SQL = `
SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnum, a.attnotnull,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END AS missing,
       (a.atthasdef AND NOT a.atthasmissing) OR a.attidentity <> '' AS computed
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 ORDER BY a.attrelid, a.attnum`;

/** The columns of tables as they are now, by the table's OID. */
export async function readCatalogColumns(
  source: ClientBase,
  tables: readonly number[],
): Promise<Map<number, CatalogColumn[]>> {
  const { rows } = await source.query<Record<string, string | null>>(COLUMNS_SQL, [tables]);
  const found = new Map<number, CatalogColumn[]>(tables.map((table) => [table, []]));
  for (const row of rows) {
    const declared: DeclaredColumn = {
      attnum: Number(row.attnum),
      type: row.type!,
      ...(row.attnotnull === 't' ? { notNull: true } : {}),
      ...(row.missing === null ? {} : { missing: row.missing! }),
      ...(row.computed === 't' ? { computed: true } : {}),
    };
    found.get(Number(row.attrelid))!.push({
      name: row.attname!,
      type: Number(row.atttypid),
      typmod: Number(row.atttypmod),
      declared,
    });
  }
  return found;
}

/** What tables are called now, by OID; those that are not there any more are absent. */
export async function readTableNames(
  source: ClientBase,
  tables: readonly number[],
): Promise<Map<number, QualifiedName>> {
  const { rows } = await source.query<{ oid: string; schema: string; table: string }>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS table FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::oid[])`,
    [tables],
  );
  return new Map(rows.map(({ oid, schema, table }) => [Number(oid), { schema, table }]));
}

/** OIDs by name, as `schema.table`; what is not there is absent. */
export async function readTableOids(source: ClientBase, names: readonly QualifiedName[]): Promise<Map<string, number>> {
  const { rows } = await source.query<{ oid: string; schema: string; table: string }>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS table FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN unnest($1::text[], $2::text[]) w(schema, name) ON w.schema = n.nspname AND w.name = c.relname`,
    [names.map((name) => name.schema), names.map((name) => name.table)],
  );
  return new Map(rows.map(({ oid, schema, table }) => [`${schema}.${table}`, Number(oid)]));
}
