import type { ClientBase } from 'pg';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName, formatQualifiedName, type QualifiedName } from '../../../core/relation.js';

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
  return rows.filter((table) => !mapped.has(formatQualifiedName(table))).map(displayName);
}
