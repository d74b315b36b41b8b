import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import type { DeclaredColumn, QualifiedName } from '../../../core/relation.js';
import type { CatalogColumn } from '../relation-catalog.js';
import { hasSeen, parseSnapshot, type SnapshotXids } from '../snapshot/delivered-xids.js';

/**
 * A column that is added with a constant has its value for the rows of before in the catalog, until they are rewritten;
 * of a partitioned table the partitions have it.
 */
const COLUMNS_SQL = `
SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnum, a.attnotnull,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       m.value AS missing, (a.atthasdef AND m.value IS NULL) OR a.attidentity <> '' AS computed,
       COALESCE(a.attnum = ANY (k.columns), false) AS in_key
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  LEFT JOIN LATERAL (
    SELECT (l.attmissingval::text::text[])[1] AS value FROM pg_catalog.pg_attribute l
     WHERE l.atthasmissing AND l.attname = a.attname AND l.attrelid = ANY (
       CASE WHEN c.relkind = 'p' THEN ARRAY(SELECT relid::oid FROM pg_catalog.pg_partition_tree(c.oid)) ELSE ARRAY[c.oid] END)
     ORDER BY l.attrelid LIMIT 1) m ON true
  LEFT JOIN LATERAL (
    SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] AS columns FROM pg_catalog.pg_index i
     WHERE i.indrelid = a.attrelid AND i.indisprimary AND i.indimmediate
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute g WHERE g.attrelid = i.indrelid AND g.attgenerated <> ''
                        AND g.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))) k ON true
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
      ...(row.in_key === 't' ? { inKey: true } : {}),
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

/** Which transactions a session of the source sees now. */
export async function readSnapshot(source: ClientBase): Promise<SnapshotXids> {
  const { rows } = await source.query<{ snapshot: string }>('SELECT pg_catalog.pg_current_snapshot() AS snapshot');
  return parseSnapshot(rows[0]!.snapshot);
}

/** A commit that waits for a synchronous standby stays unseen for as long; what is not known then halts the table. */
const SEEN_WITHIN_MS = 5_000;

/**
 * The columns of a table that a transaction of the stream describes. PostgreSQL has a commit in the WAL a moment before
 * other sessions see it: the catalog is read once this session does, and after 5 s in any case.
 * @param xid the lower 32 bits, as in the stream.
 */
export async function readCatalogOnceSeen(
  source: ClientBase,
  table: number,
  xid: number,
): Promise<Map<number, CatalogColumn[]>> {
  const giveUpAt = performance.now() + SEEN_WITHIN_MS;
  while (performance.now() < giveUpAt) {
    if (hasSeen(await readSnapshot(source), xid)) break;
    await sleep(5);
  }
  return readCatalogColumns(source, [table]);
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
