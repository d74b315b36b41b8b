import type { ClientBase } from 'pg';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName, formatQualifiedName, type QualifiedName } from '../../../core/relation.js';
import { LINEAGE_SCHEMA, lineageTable } from '../../../platform/lineage-table.js';
import { quoteName } from '../../../platform/postgres.js';

/**
 * Tables beside the mapped ones, in their schemas, that nobody moves: perhaps on purpose, perhaps made since. Partitions
 * go with their root, and what belongs to an extension comes with it.
 * @param known OIDs of tables that are captured, under whatever name.
 */
export async function readUnmappedTables(
  source: ClientBase,
  tables: readonly TableMapping[],
  known: readonly number[] = [],
): Promise<string[]> {
  const schemas = new Set(tables.map(({ source }) => source.schema));
  // Candidates, which a way back takes for rows, stand among what is ours.
  schemas.delete(LINEAGE_SCHEMA);
  const { rows } = await source.query<QualifiedName>(
    `SELECT n.nspname AS schema, c.relname AS table
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.oid <> ALL ($2::oid[])
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                         WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      ORDER BY 1, 2`,
    [[...schemas], known],
  );
  const mapped = new Set(tables.map(({ source }) => formatQualifiedName(source)));
  const followed = await readFollowed(source, tables);
  return rows
    .filter((table) => !mapped.has(formatQualifiedName(table)) && !followed.has(lineageTable(table).table))
    .map(displayName);
}

/** In a way back: the names of all candidates' tables of which it takes some. */
async function readFollowed(source: ClientBase, tables: readonly TableMapping[]): Promise<ReadonlySet<string>> {
  const taken = tables.filter(({ source }) => source.schema === LINEAGE_SCHEMA).map(({ source }) => quoteName(source));
  if (taken.length === 0) return new Set();
  const { rows } = await source.query<{ table: string }>(
    `SELECT c.relname AS table FROM pg_catalog.unnest($1::text[]) name
       JOIN pg_catalog.pg_inherits h ON h.inhrelid = pg_catalog.to_regclass(name)
       JOIN pg_catalog.pg_class c ON c.oid = h.inhparent`,
    [taken],
  );
  return new Set(rows.map(({ table }) => table));
}
